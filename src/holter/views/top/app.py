"""The application: it passes on keys, clicks and the time. Only this module and ``lines`` import Textual.

Everything that reads or draws runs in one thread beside the one that serves the terminal, so that a file system that
does not answer cannot stop the keys; ``q`` always works.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

from textual.app import App, ComposeResult
from textual.binding import Binding

from holter.reports.catalogue import Lang, phrase
from holter.sentences import define
from holter.views.top.control import Control, Outcome
from holter.views.top.draw import help as help_page
from holter.views.top.draw.glyphs import Glyphs
from holter.views.top.draw.rows import Line, Row
from holter.views.top.lines import Lines
from holter.views.top.overview import OverviewControl
from holter.views.top.reading_thread import ReadingThread
from holter.views.top.run_control import RunControl

# A recorder writes every second.
EACH_S = 1.0
# A replay moves more often.
REPLAY_EACH_S = 0.25
# A tape that does not answer for this long is worth a line.
SLOW_S = 3.0
QUIT_KEYS = ("q", "Q", "f10", "ctrl+c", "ctrl+q")
# After a signal the terminal is given back within this time, even if the reading thread hangs.
LEAVE_S = 1.0

NO_ANSWER = define("top.no-answer", "The tape does not answer for {age:duration}: its disk may hang. q quits.")


class TopApp(App[None]):
    """Shows one run, or several."""

    ENABLE_COMMAND_PALETTE = False
    ESCAPE_TO_MINIMIZE = False
    CSS = "Screen { overflow: hidden; }"
    # Keys that Textual would take for itself.
    BINDINGS = [  # noqa: RUF012 - Textual reads a list
        *(
            Binding(key, f"press('{key}')", show=False, priority=True)
            for key in ("tab", "shift+tab", "ctrl+c", "ctrl+q")
        ),
        Binding("ctrl+z", "suspend_process", show=False, priority=True),
    ]

    def __init__(
        self,
        control: Control,
        lang: Lang,
        glyphs: Glyphs,
        open_run: Callable[[Path], RunControl] | None = None,
    ) -> None:
        super().__init__(ansi_color=True)
        self.lang, self.glyphs = lang, glyphs
        self._controls: list[Control] = [control]
        self._open_run = open_run
        self._lines: Lines | None = None
        self._thread = ReadingThread()
        self._working: Future[None] | None = None
        self._keys_in_work = False
        self._began_s = self._ticked_s = 0.0
        self._again = False
        self._help: int | None = None  # how far it is scrolled
        self._todo: list[Callable[[], Outcome | None]] = []
        self._outcomes: list[Outcome] = []
        self._drawn: tuple[Line, ...] = ()
        self.failure: BaseException | None = None
        self._serving: asyncio.AbstractEventLoop | None = None
        self._way_out: threading.Timer | None = None

    @property
    def _control(self) -> Control:
        return self._controls[-1]

    def compose(self) -> ComposeResult:
        """Create the only widget of the application (Textual calls this)."""
        self._lines = Lines(self)
        yield self._lines

    def on_mount(self) -> None:
        """Start to read and draw, again and again; textual calls this when the app is on the screen."""
        if self._lines is not None:
            self._lines.focus()
        self._serving = asyncio.get_running_loop()
        self.set_interval(REPLAY_EACH_S, self._beat)
        self._work()

    def on_resize(self) -> None:
        """Draw the screen in its new size (Textual calls this)."""
        if self._lines is not None:
            self._lines.forget()
        self._work()

    def pressed(self, name: str, character: str | None) -> None:
        """Act on a key; ``character`` is what it types, None for a key like F1."""
        if self._help is not None:
            step = {"down": 1, "j": 1, "up": -1, "k": -1, "pagedown": 10, "pageup": -10}.get(name)
            self._help = None if step is None else max(0, self._help + step)
            self._work()
            return
        if (name == "f1" or character == "?") and not self._control.is_typing:
            self._help = 0
            self._work()
            return
        if name in QUIT_KEYS and self._may_leave_now():
            self.exit()
            return
        control = self._control
        self._todo.append(lambda: control.key(name, character, time.monotonic()))
        self._work()

    def clicked(self, x: int, y: int) -> None:
        """Act on a mouse click at this column and line."""
        if self._help is not None:
            self._help = None
        else:
            control = self._control
            self._todo.append(lambda: control.click(x, y, time.monotonic()))
        self._work()

    def scrolled(self, x: int, y: int, *, down: bool) -> None:
        """Act on the mouse wheel over this column and line."""
        control = self._control
        if self._help is not None:
            self._help = max(0, self._help + (1 if down else -1))
        else:
            self._todo.append(lambda: control.wheel(x, y, down))
        self._work()

    def action_press(self, key: str) -> None:
        """Act on a key that Textual would use itself, such as Tab."""
        self.pressed(key, None)

    def _may_leave_now(self) -> bool:
        # Keys that wait may begin a search, in which q is a letter.
        is_stuck = self._working is not None and time.monotonic() - self._began_s > SLOW_S
        return is_stuck or not (self._control.is_typing or self._todo or self._keys_in_work)

    # One piece of work at a time: read if it is due, do what keys asked for, draw.

    def _beat(self) -> None:
        now_s = time.monotonic()
        if self._working is not None:
            waited_s = now_s - self._began_s
            if waited_s > SLOW_S and self._lines is not None and self._lines._shown:
                words = phrase(NO_ANSWER(age=waited_s), self.lang)
                self._lines.show((Row(self.size.width).add(words, "bad").done(), *self._lines._shown[1:]))
            return
        each_s = REPLAY_EACH_S if self._control.is_replaying else EACH_S
        # A beat that comes a little early is as good: otherwise every other one would be left out.
        if now_s - self._ticked_s >= each_s - REPLAY_EACH_S / 2:
            self._work()

    def _work(self) -> None:
        if self._working is not None:
            self._again = True
            return
        self._again = False
        self._began_s = time.monotonic()
        size, todo = self.size, self._todo
        self._todo = []
        self._keys_in_work = bool(todo)
        self._working = future = self._thread.submit(lambda: self._in_thread(size.width, size.height, todo))
        future.add_done_callback(lambda done: self._hand_over(done))

    def _hand_over(self, done: Future[None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: leaving
            self.call_later(self._done, done)

    def _in_thread(self, width: int, height: int, todo: list[Callable[[], Outcome | None]]) -> None:
        now_s = time.monotonic()
        self._outcomes = [outcome for outcome in (do() for do in todo) if outcome is not None]
        control = self._control
        if now_s - self._ticked_s >= EACH_S - REPLAY_EACH_S / 2 or control.is_replaying:
            self._ticked_s = now_s
            control.tick(now_s, time.time())
        self._drawn = control.draw(width, height, now_s).lines

    async def _done(self, done: Future[None]) -> None:
        self._working, self._keys_in_work = None, False
        error = done.exception()
        if error is not None:
            self.failure = error
            self.exit()
            return
        if self._lines is not None:
            width, height = self.size
            shown = (
                self._drawn if self._help is None else help_page.draw(width, height, self.lang, self.glyphs, self._help)
            )
            self._lines.show(shown)
        for outcome in self._outcomes:
            self._obey(outcome)
        if self._again or self._todo:
            self._work()

    def _obey(self, outcome: Outcome) -> None:
        if outcome.what == "quit":
            self.exit()
        elif outcome.what == "copy":
            self.copy_to_clipboard(outcome.text)
        elif outcome.what == "back" and len(self._controls) > 1:
            self._controls.pop().close()
            self._ticked_s = 0.0
            self._again = True
        elif outcome.what == "open" and outcome.text == "help":
            self._help = 0
            self._again = True
        elif outcome.what == "open" and self._open_run is not None:
            self._controls.append(self._open_run(Path(outcome.text)))
            self._ticked_s = 0.0
            self._again = True

    # The end.

    def leave(self, number: int, _: object = None) -> None:
        """Restore the terminal and end the program: the handler of SIGTERM and SIGHUP.

        If that hangs (the terminal is gone, a disk does not answer), the process is ended after a time limit.
        """
        self._way_out = threading.Timer(LEAVE_S, os._exit, (128 + number,))
        self._way_out.daemon = True
        self._way_out.start()
        if self._serving is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: leaving
                self._serving.call_soon_threadsafe(lambda: self.exit(return_code=128 + number))

    def close(self) -> None:
        """End the background work; called after the terminal has been restored."""
        if self._way_out is not None:
            self._way_out.cancel()
        for control in self._controls:
            control.close()


def run_app(app: TopApp) -> int:
    """Run until the user leaves; return the exit code.

    Raises:  the error that ended the view, after the terminal has been restored.
    """
    if sys.__stderr__ is None or not sys.__stderr__.isatty():
        sys.__stderr__ = sys.__stdout__  # type: ignore[misc] # where Textual draws; a user may keep stderr in a file
    # Not by the loop of asyncio: it stands still while the terminal takes no bytes (Ctrl-S, a connection that hangs).
    handlers = {number: signal.signal(number, app.leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        app.run(mouse=True)
    finally:
        app.close()
        for number, handler in handlers.items():
            signal.signal(number, handler)
    if app.failure is not None:
        raise app.failure
    return app.return_code or 0


def overview(places: tuple[Path, ...], lang: Lang, glyphs: Glyphs, open_run: Callable[[Path], RunControl]) -> TopApp:
    """Return the application for several runs."""
    return TopApp(OverviewControl(places, lang, glyphs), lang, glyphs, open_run)
