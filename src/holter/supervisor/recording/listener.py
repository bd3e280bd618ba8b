"""The receivers of a recorder's messages: the terminal, notifications, or several together."""

from __future__ import annotations

from functools import partial
from typing import Any

from holter.history.pace import Pace
from holter.records import ActionTaken, ContractSettled, Diagnosis, Episode, Notice, Text


class Listener:
    """Receiver of a recorder's messages; the default ignores them."""

    def alarm(self, episode: Episode) -> None:
        """A detector marked a new episode."""

    def cause(self, diagnosis: Diagnosis) -> None:
        """The cause of an episode was named or changed."""

    def over(self, episode: Episode) -> None:
        """An episode ended."""

    def unfinished(self, episode: Episode) -> None:
        """The training ended while this episode was not over."""

    def note(self, text: Text) -> None:
        """The recorder has a message about itself."""

    def action(self, action: ActionTaken) -> None:
        """An action on the run, done or proposed."""

    def notice(self, notice: Notice) -> None:
        """Report that something is wrong; the training continues."""

    def contract(self, settled: ContractSettled, before: ContractSettled | None) -> None:
        """The contract was settled, or has changed since ``before``."""

    def pace(self, pace: Pace, *, is_due: bool) -> None:
        """The speed of the training, at each tick; ``is_due``: it is time for a line of its own."""


EVENTS = frozenset(name for name in vars(Listener) if not name.startswith("_"))


class CompositeListener(Listener):
    """Passes everything to several listeners; an error in one does not stop the others."""

    def __init__(self, *listeners: Listener) -> None:
        self._listeners = listeners

    def __getattribute__(self, name: str) -> Any:
        """Return what passes an event on; any other attribute is this object's own."""
        return partial(self._tell, name) if name in EVENTS else super().__getattribute__(name)

    def _tell(self, event: str, *about: Any, **named: Any) -> None:
        failure: Exception | None = None
        for listener in self._listeners:
            try:
                getattr(listener, event)(*about, **named)
            except Exception as error:  # noqa: BLE001 - raised again after all were called
                failure = error
        if failure is not None:
            raise failure
