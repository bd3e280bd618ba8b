"""Messages of a running recording on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from holter.records import ActionTaken, ContractSettled, Diagnosis, Episode, Notice, Text
from holter.reports import live
from holter.reports.catalogue import load, phrase
from holter.reports.line_writer import LineWriter
from holter.sentences import define
from holter.supervisor.recording.listener import Listener

NO_TAPE = define("listener.no-tape", "there is no tape: there was no space for {path}, or it was removed")


class StderrListener(Listener):
    """Prints prefixed lines to stderr, between the lines of the training. Never blocks on a slow reader."""

    def __init__(self, lang: Literal["en", "zh"], *, quiet: bool = False) -> None:
        load(lang)
        self._lang = lang
        self._echoes = live.RepeatFilter()
        self._writer = LineWriter(None if quiet else sys.stderr, self._left_out)

    def alarm(self, episode: Episode) -> None:
        """Print the alarm."""
        self._say(live.alarm(episode, self._lang))

    def cause(self, diagnosis: Diagnosis) -> None:
        """Print the cause."""
        self._say(live.cause(diagnosis, self._lang))

    def over(self, episode: Episode) -> None:
        """Print that the episode is over."""
        self._say(live.over(episode, self._lang))

    def action(self, action: ActionTaken) -> None:
        """Print an action that Holter takes, or would take with ``--heal``."""
        line = live.action(action, self._lang) if self._echoes.is_new(action) else None
        if line is not None:
            self._say(line)

    def contract(self, settled: ContractSettled, before: ContractSettled | None) -> None:
        """Print what can be observed and done on this machine."""
        lines = live.contract(settled, before, self._lang)
        if lines is not None:
            self._say(lines)

    def notice(self, notice: Notice) -> None:
        """Print a warning about the run or the recording."""
        self._say(live.notice(notice, self._lang))

    def note(self, text: Text) -> None:
        """Print a message of Holter itself."""
        self._say(live.marked(phrase(text, self._lang)))

    def wrote(self, path: Path, *, is_there: bool) -> None:
        """Print the path of the tape, or that there is none."""
        if is_there:
            self._say(live.wrote(str(path), self._lang))
        else:
            self.note(NO_TAPE(path=str(path)))

    def close(self) -> None:
        """Wait until all lines are written, if somebody reads them. Later lines are dropped."""
        self._writer.close()

    def __enter__(self) -> StderrListener:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _say(self, text: str) -> None:
        self._writer.say(text)

    def _left_out(self, count: int) -> str:
        return live.left_out(count, self._lang)


@contextmanager
def listeners_for(
    speaker: StderrListener, notify: str | None, lang: Literal["en", "zh"], name: str
) -> Iterator[tuple[Listener, Callable[[int], None]]]:
    """Yield the listener of a run called ``name``, and the function to call with its exit code.

    Raises:  BadInput, MissingExtra for a URL that cannot be used; before anything is started.
    """
    if notify is None:
        yield speaker, lambda _: None
        return
    from holter.supervisor.notify.composite_listener import CompositeListener
    from holter.supervisor.notify.notify import Notifier

    notifier = Notifier(notify, lang, name=name, note=speaker.note)
    try:
        yield CompositeListener(speaker, notifier), notifier.finish
    finally:
        notifier.close()
