"""What a running recording says on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from holter.records import ActionTaken, ContractSettled, Diagnosis, Episode, Notice, Text
from holter.reports import live
from holter.reports.catalogue import phrase
from holter.reports.line_writer import LineWriter
from holter.sentences import define
from holter.supervisor.recording.recorder import Listener

NO_TAPE = define("listener.no-tape", "there is no tape: {path} found no room, or was removed")


class StderrListener(Listener):
    """Lines on stderr, prefixed, between the lines of the training. It never waits for somebody to read them."""

    def __init__(self, lang: Literal["en", "zh"], *, quiet: bool = False) -> None:
        self._lang = lang
        self._echoes = live.Echoes()
        self._writer = LineWriter(None if quiet else sys.stderr, self._left_out)

    def alarm(self, episode: Episode) -> None:
        """Say that something was noticed."""
        self._say(live.alarm(episode, self._lang))

    def cause(self, diagnosis: Diagnosis) -> None:
        """Say what it is."""
        self._say(live.cause(diagnosis, self._lang))

    def over(self, episode: Episode) -> None:
        """Say that it is over."""
        self._say(live.over(episode, self._lang))

    def action(self, action: ActionTaken) -> None:
        """Say what is done to the run, or would be with ``--heal``."""
        told = live.action(action, self._lang) if self._echoes.is_new(action) else None
        if told is not None:
            self._say(told)

    def contract(self, settled: ContractSettled, before: ContractSettled | None) -> None:
        """Say what can be seen and done here."""
        told = live.contract(settled, before, self._lang)
        if told is not None:
            self._say(told)

    def notice(self, notice: Notice) -> None:
        """Say what is not as it should be."""
        self._say(live.notice(notice, self._lang))

    def note(self, text: Text) -> None:
        """Say something of ourselves."""
        self._say(live.marked(phrase(text, self._lang)))

    def wrote(self, path: Path, *, is_there: bool) -> None:
        """Name the file that was written, or say that there is none."""
        if is_there:
            self._say(live.wrote(str(path), self._lang))
        else:
            self.note(NO_TAPE(path=str(path)))

    def close(self) -> None:
        """Wait until everything was said, if somebody reads it; nothing is said after that."""
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
    """Those who hear of a run called ``name``, and what to call with its exit code.

    Raises:  BadInput, MissingExtra for a URL that cannot be used; before anything is started.
    """
    if notify is None:
        yield speaker, lambda _: None
        return
    from holter.supervisor.notify.composite_listener import Audience
    from holter.supervisor.notify.notify import Notifier

    notifier = Notifier(notify, lang, name=name, note=speaker.note)
    try:
        yield Audience(speaker, notifier), notifier.finish
    finally:
        notifier.close()
