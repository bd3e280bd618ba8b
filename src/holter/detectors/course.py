"""How far a training got: whether nnU-Net's own training loop started, and whether it returned. Pure."""

from __future__ import annotations

from holter.evidence.words import saved_file
from holter.history.ranks import main_beat
from holter.records import ActionTaken, EpochEnded, Noted, Tick

LOOP = "run_training"
FINAL = "checkpoint_final.pth"


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
