"""What a running recording says on stderr."""

from __future__ import annotations

import sys
from typing import Literal

from holter.records import Diagnosis, Episode
from holter.reports import live
from holter.supervisor.recorder import Listener


class Speaker(Listener):
    """Lines on stderr, prefixed, between the lines of the training."""

    def __init__(self, lang: Literal["en", "zh"], *, quiet: bool = False) -> None:
        self._lang = lang
        self._quiet = quiet

    def alarm(self, episode: Episode) -> None:
        """Say that something was noticed."""
        self._say(live.alarm(episode, self._lang))

    def cause(self, diagnosis: Diagnosis) -> None:
        """Say what it is."""
        self._say(live.cause(diagnosis, self._lang))

    def over(self, episode: Episode) -> None:
        """Say that it is over."""
        self._say(live.over(episode, self._lang))

    def note(self, text: str) -> None:
        """Say something of ourselves."""
        self._say(f"{live.PREFIX} {text}")

    def _say(self, text: str) -> None:
        if not self._quiet:
            try:
                print(text, file=sys.stderr, flush=True)
            except OSError:
                self._quiet = True  # nobody reads us any more; the recording goes on
