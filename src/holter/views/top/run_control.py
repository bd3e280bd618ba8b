"""What time, keys and the mouse do on the screen of one run. Knows no terminal."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from holter.errors import HolterError
from holter.reports.catalogue import phrase
from holter.sentences import define
from holter.views.model.view import View
from holter.views.top.control import STAY, Outcome
from holter.views.top.desk import Desk, trouble
from holter.views.top.draw.glyphs import Glyphs
from holter.views.top.draw.rows import Line, Row, wrapped
from holter.views.top.draw.screen import Drawn, Look
from holter.views.top.draw.timeline import in_order
from holter.views.top.judge import Judge
from holter.views.top.playback import Playback
from holter.views.top.position import Position

# With Shift, the arrows go this many columns.
MANY = 10
# A note stays in the last line for this long.
NOTE_S = 4.0
# Lines that the wheel moves a page.
WHEEL = 3

# The key of each action in the last line.
KEYS_ON_SCREEN = {
    "earlier": "left", "alarm_before": "[", "now": "end", "next_page": "tab", "search": "/",
    "hold": "space", "closer": "+", "quit": "q", "back": "escape",
}  # fmt: skip

NO_ALARM_BEFORE = define("top.no-alarm-before", "No alarm before this time.")
NO_ALARM_AFTER = define("top.no-alarm-after", "No alarm after this time.")
COPIED = define("top.copied", "Copied: the sentence above.")
TYPING = define("top.typing", "Show only lines with: {typed}_  (Enter: keep, Esc: all)")
UNREADABLE = define("top.unreadable", "The tape cannot be read any more: {error}")


class RunControl:
    """One run: time, zoom, pages, the chosen lane."""

    def __init__(
        self,
        desk: Desk,
        glyphs: Glyphs,
        *,
        speed: float | None = None,
        at_s: float | None = None,
        in_overview: bool = False,
        first_note: str = "",
    ) -> None:
        self.desk, self._glyphs, self._lang = desk, glyphs, desk.lang
        self._time = Playback(desk, speed, at_s)
        self._position = Position()
        self._note, self._note_s = first_note, 0.0
        self._in_overview = in_overview
        self._judge = Judge(desk.run.path, desk.lang)
        self._view: View | None = None
        self._drawn: Drawn | None = None
        self._look: Look | None = None
        self._error: str | None = None
        self._is_begun = False
        self._keys = self._bindings()

    @property
    def is_typing(self) -> bool:
        """Whether the user types a search, so that a key is a letter and no command."""
        return self._position.is_typing

    @property
    def is_replaying(self) -> bool:
        """Return whether a replay is running."""
        return self._time.mode == "replay"

    # What comes with time.

    def tick(self, now_s: float, wall_s: float) -> None:
        """Read what was added to the tape, and move a replay on."""
        try:
            self.desk.run.poll(now_s, wall_s)
            self._error = None
        except (HolterError, OSError) as error:
            if not self._is_begun:
                raise
            self._error = phrase(UNREADABLE(error=trouble(error, self._lang)), self._lang)
        if not self._is_begun:
            self._is_begun = True
            self._note_s = now_s
            self._time.begin()
        self._time.tick(now_s)
        self._ask_judge(now_s)

    def _ask_judge(self, now_s: float) -> None:
        story, run = self.desk.run.story, self.desk.run
        if (not story.episodes and not story.finished) or not run.is_whole:
            return
        key = (
            len(story.episodes),
            len(story.judged),
            story.finished,
            sum(episode.end_s is None for episode in story.episodes),
        )
        width = self._look.width if self._look else 80
        is_over = story.finished or run.silent_s is not None
        self.desk.judgement = self._judge.judgement(now_s, key, width=width, is_over=is_over)

    def draw(self, width: int, height: int, now_s: float) -> Drawn:
        """Return the screen; if the tape cannot be read any more, the last one with the reason above it."""
        note = self._note if now_s - self._note_s < NOTE_S else ""
        if self._position.is_typing:
            note = phrase(TYPING(typed=self._position.search), self._lang)
        self._position.height = height
        self._look = look = Look(
            width=width,
            height=height,
            lang=self._lang,
            glyphs=self._glyphs,
            mode=self._time.mode,
            speed=self._time.speed,
            page=self._position.page,
            scroll=self._position.scroll,
            chosen=self._position.chosen,
            search=self._position.search,
            note=note,
            in_overview=self._in_overview,
        )
        try:
            self._view = self.desk.view(look, self._time.at_s, self._time.end_s)
            self._time.columns = self._view.window.count
            self._drawn = self.desk.draw(self._view, look)
        except (HolterError, OSError) as error:
            self._error = phrase(UNREADABLE(error=trouble(error, self._lang)), self._lang)
        drawn = self._drawn or Drawn(lines=(), lanes={}, chart=(0, 0))
        return drawn if self._error is None else _with_error(drawn, self._error, look)

    def close(self) -> None:
        """End the child process that diagnoses."""
        self._judge.close()

    # Keys.

    def key(self, name: str, character: str | None, now_s: float) -> Outcome:
        """Act on a key; return what the application has to do.

        ``character``: what the key types; None for a key like F1.
        """
        if self._position.is_typing:
            self._position.typed(name, character)
            return STAY
        if name in ("q", "Q", "f10", "ctrl+c", "ctrl+q"):
            return Outcome(what="quit")
        if name == "escape":
            return self._escape()
        if name in ("c", "C") and self._look is not None and self._view is not None:
            self._tell(phrase(COPIED(), self._lang), now_s)
            return Outcome(what="copy", text=self.desk.said(self._view, self._look)[0])
        action = self._keys.get(name) or self._keys.get(character or "")
        if action is not None:
            action(now_s)
        return STAY

    def _bindings(self) -> dict[str, Callable[[float], None]]:
        time, position = self._time, self._position
        actions: dict[str, Callable[[float], None]] = {
            "left h": lambda _: time.move(-1),
            "right": lambda _: time.move(1),
            "shift+left ctrl+left": lambda _: time.move(-MANY),
            "shift+right ctrl+right": lambda _: time.move(MANY),
            "pageup": lambda _: self._page_keys(-1),
            "pagedown": lambda _: self._page_keys(1),
            "home": lambda _: time.go(self.desk.run.story.first_s),
            "end G": lambda _: time.now(),
            "[": lambda now_s: self._alarm(-1, now_s),
            "]": lambda now_s: self._alarm(1, now_s),
            "up k": lambda _: self._choose(-1),
            "down j": lambda _: self._choose(1),
            "enter": lambda _: position.open("process"),
            "tab": lambda _: position.next_page(1),
            "shift+tab": lambda _: position.next_page(-1),
            "space": lambda _: time.hold(),
            "+ = f8": lambda _: time.zoom(-1),
            "- f7": lambda _: time.zoom(1),
            "0 a": lambda _: time.whole(),
            "/ f3 f4": lambda _: position.begin_search(),
            "v": lambda _: position.turn("events"),
            "p": lambda _: position.turn("epochs"),
            "w": lambda _: position.turn("waits"),
            "s": lambda _: position.turn("stacks"),
            "l": lambda _: position.turn("log"),
            "t": lambda _: position.turn("process"),
            "e": lambda _: position.turn("run"),
            "d": lambda _: position.turn("diagnosis"),
            "<": lambda _: time.faster(0.5),
            ">": lambda _: time.faster(2.0),
            "r": lambda _: time.replay(),
        }
        return {key: action for keys, action in actions.items() for key in keys.split()}

    def _escape(self) -> Outcome:
        if self._position.leave():
            return STAY
        if self._time.mode != "live":
            self._time.now()
        elif self._in_overview:
            return Outcome(what="back")
        return STAY

    def _alarm(self, way: int, now_s: float) -> None:
        if not self._time.alarm(way):
            self._tell(phrase((NO_ALARM_BEFORE if way < 0 else NO_ALARM_AFTER)(), self._lang), now_s)

    # Pages and lanes.

    def _page_keys(self, way: int) -> None:
        if self._position.page is not None:
            self._position.scroll_half(way)
        elif self._view is not None:
            self._time.move(way * self._view.window.count)

    def _choose(self, way: int) -> None:
        lanes = in_order(self._view.lanes) if self._view is not None else ()
        self._position.choose(way, [lane.name for lane in lanes])

    # The mouse.

    def click(self, x: int, y: int, now_s: float) -> Outcome:
        """Act on a click at column ``x`` of line ``y``: on a tab, a key, a lane or a moment in the chart."""
        drawn = self._drawn
        if drawn is None:
            return STAY
        if y == len(drawn.lines) - 1:
            return self._clicked_key(x, now_s)
        for line, first, last, page in drawn.tabs:
            if y == line and first <= x <= last:
                self._position.go(page)
                return STAY
        chosen = drawn.lanes.get(y)
        if chosen is not None:
            self._position.chosen = chosen
        first, last = drawn.chart
        top_of_page = min((line for line, *_ in drawn.tabs), default=len(drawn.lines))
        if self._view is not None and first <= x <= last and 1 < y < top_of_page:
            self._time.go(self._view.window.middle_s(x - first))
        return STAY

    def _clicked_key(self, x: int, now_s: float) -> Outcome:
        drawn = self._drawn
        action = next((name for first, last, name in drawn.keys if first <= x <= last), None) if drawn else None
        if action == "help":
            return Outcome(what="open", text="help")
        return self.key(KEYS_ON_SCREEN[action], None, now_s) if action else STAY

    def wheel(self, x: int, y: int, down: bool) -> None:
        """Scroll the page below the tabs if the mouse is over it; else show an earlier or a later moment."""
        del x
        drawn = self._drawn
        top_of_page = min((line for line, *_ in drawn.tabs), default=10**6) if drawn else 10**6
        if y >= top_of_page:
            self._position.scroll_by(WHEEL if down else -WHEEL)
        else:
            self._time.move(1 if down else -1)

    def _tell(self, words: str, now_s: float) -> None:
        self._note, self._note_s = words, now_s


def _with_error(drawn: Drawn, error: str, look: Look) -> Drawn:
    above: list[Line] = [
        Row(look.width).add(part, "bad").done() for part in wrapped(error, look.width, 2 if look.height > 10 else 1)
    ]
    lines = list(drawn.lines) or [Row(look.width).done() for _ in range(look.height)]
    return msgspec.structs.replace(drawn, lines=(*above, *lines[len(above) :]))
