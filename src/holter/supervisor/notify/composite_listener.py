"""Several listeners of one recording: the terminal and the notifications."""

from __future__ import annotations

from collections.abc import Callable

from holter.history.pace import Pace
from holter.records import ActionTaken, ContractSettled, Diagnosis, Episode, Notice, Text
from holter.supervisor.recording.listener import Listener


class CompositeListener(Listener):
    """Passes everything to several listeners; an error in one does not stop the others."""

    def __init__(self, *listeners: Listener) -> None:
        self._listeners = listeners

    def alarm(self, episode: Episode) -> None:
        self._tell(lambda listener: listener.alarm(episode))

    def cause(self, diagnosis: Diagnosis) -> None:
        self._tell(lambda listener: listener.cause(diagnosis))

    def over(self, episode: Episode) -> None:
        self._tell(lambda listener: listener.over(episode))

    def unfinished(self, episode: Episode) -> None:
        self._tell(lambda listener: listener.unfinished(episode))

    def note(self, text: Text) -> None:
        self._tell(lambda listener: listener.note(text))

    def action(self, action: ActionTaken) -> None:
        self._tell(lambda listener: listener.action(action))

    def notice(self, notice: Notice) -> None:
        self._tell(lambda listener: listener.notice(notice))

    def contract(self, settled: ContractSettled, before: ContractSettled | None) -> None:
        self._tell(lambda listener: listener.contract(settled, before))

    def pace(self, pace: Pace, *, is_due: bool) -> None:
        self._tell(lambda listener: listener.pace(pace, is_due=is_due))

    def _tell(self, tell: Callable[[Listener], None]) -> None:
        failure: Exception | None = None
        for listener in self._listeners:
            try:
                tell(listener)
            except Exception as error:  # noqa: BLE001 - raised again after all were called
                failure = error
        if failure is not None:
            raise failure
