"""What a running recording says on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from holter.records import ActionTaken, Diagnosis, Episode, Text
from holter.reports import live
from holter.reports.catalogue import phrase
from holter.supervisor.recorder import Listener


class Speaker(Listener):
    """Lines on stderr, prefixed, between the lines of the training."""

    def __init__(self, lang: Literal["en", "zh"], *, quiet: bool = False) -> None:
        self._lang = lang
        self._quiet = quiet
        self._echoes = live.Echoes()

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

    def note(self, text: Text) -> None:
        """Say something of ourselves."""
        self._say(f"{live.PREFIX} {phrase(text, self._lang)}")

    def _say(self, text: str) -> None:
        if not self._quiet:
            try:
                print(text, file=sys.stderr, flush=True)
            except OSError:
                self._quiet = True  # nobody reads us any more; the recording goes on


@contextmanager
def everybody(
    speaker: Speaker, notify: str | None, lang: Literal["en", "zh"], name: str
) -> Iterator[tuple[Listener, Callable[[int], None]]]:
    """Those who hear of a run called ``name``, and what to call with its exit code.

    Raises:  BadInput, MissingExtra for a URL that cannot be used; before anything is started.
    """
    if notify is None:
        yield speaker, lambda _: None
        return
    from holter.supervisor.audience import Audience
    from holter.supervisor.notify import Notifier

    notifier = Notifier(notify, lang, name=name, note=speaker.note)
    try:
        yield Audience(speaker, notifier), notifier.finish
    finally:
        notifier.close()
