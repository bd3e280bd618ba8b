"""How far a training got: whether nnU-Net's own training loop started, and whether it returned. Pure."""

from __future__ import annotations

from holter.evidence.words import LOOP, saved_file
from holter.history.ranks import main_beat, working
from holter.records import ActionTaken, EpochEnded, ExceptionSeen, Message, Noted, ProcessEnded, Tick

FINAL = "checkpoint_final.pth"


# An exception that ends the program too is reported in the same moment.
GOES_ON_S = 10.0


class LeftLoop:
    """Whether an exception has ended nnU-Net's loop and not its program: a notebook, or code that catches it.

    Only of the one main process of a run: where others train beside it, they may wait for it.
    """

    def __init__(self) -> None:
        self.error: Message | None = None
        self.pid: int | None = None
        self._since_s: float | None = None
        self._has_others = False

    @property
    def since_s(self) -> float | None:
        """When the loop was left; None if it was not, or if other processes train too."""
        return None if self._has_others else self._since_s

    def see(self, tick: Tick) -> None:
        for event in tick.events:
            if isinstance(event, Noted) and event.text == LOOP:
                is_left = event.what == "aborted" and not _exits(event.message)
                self._since_s, self.error, self.pid = (event.t_s, event.message, event.pid) if is_left else (None,) * 3
            elif (isinstance(event, ExceptionSeen) and event.source == "hook" and event.thread is None) or isinstance(
                event, ProcessEnded
            ):
                self._since_s = self._since_s if event.role != "main" else None
            elif isinstance(event, ActionTaken) and event.action == "restart" and event.state == "begun":
                self._since_s = None
        if self._since_s is None:
            self._has_others = False
            return
        mains = {process.pid for process in tick.processes if process.role == "main"}
        self._has_others = self._has_others or bool(mains - {self.pid})
        if any((beat.progressed_s or 0.0) > self._since_s for beat in working(tick.beats)):
            self._since_s = None  # it trains on, by a loop of its own

    def goes_on(self, t_s: float) -> bool:
        """Return whether the program has gone on without its training."""
        return self.since_s is not None and t_s - self.since_s >= GOES_ON_S


def _exits(error: Message | None) -> bool:
    return error is not None and error.value("error") == "SystemExit"


class Course:
    """The progress of one process of the run through nnU-Net's loop."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._has_begun = False
        self._has_trained = False
        self._is_over = False
        self._epochs = 0  # completed, by the log

    def see(self, tick: Tick) -> None:
        beat = main_beat(tick)
        self._has_trained = self._has_trained or (beat is not None and beat.steps_total > 0)
        for event in tick.events:
            if isinstance(event, Noted) and event.what == "checkpoint" and FINAL in saved_file(event):
                self._is_over = True  # the last step of nnU-Net, however the loop ended
            elif isinstance(event, Noted) and event.text == LOOP and event.what == "began":
                self._has_begun, self._is_over, self._epochs = True, False, 0  # a process may train twice
            elif isinstance(event, Noted) and event.text == LOOP:
                self._is_over = self._is_over or event.what == "finished"
            elif isinstance(event, EpochEnded):
                self._epochs = max(self._epochs, event.epoch + 1)  # nnU-Net counts from 0
            elif isinstance(event, ActionTaken) and event.action == "restart" and event.state == "begun":
                self._begin()

    def is_unfinished(self, epochs: int | None) -> bool:
        """Return whether nnU-Net's loop ended early: steps were made, but it did not return, and epochs are missing.

        ``epochs``: how many the trainer plans, if known. A loop that returns with fewer was stopped on purpose.
        """
        lacks_epochs = epochs is None or self._epochs < epochs
        return self._has_begun and self._has_trained and not self._is_over and lacks_epochs
