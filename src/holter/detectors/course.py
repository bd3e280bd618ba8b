"""How far a training has come: whether nnU-Net's own loop began, and whether it returned. Pure, like the detectors."""

from __future__ import annotations

from holter.detectors.view import main_beat
from holter.evidence.words import saved_file
from holter.records import ActionTaken, EpochEnded, Noted, Tick

LOOP = "run_training"
FINAL = "checkpoint_final.pth"


class Course:
    """The course of one process of the run."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._has_begun = False
        self._has_trained = False
        self._is_over = False
        self._epochs = 0  # that have ended, by the log

    def see(self, tick: Tick) -> None:
        """Take in the next tick."""
        beat = main_beat(tick)
        self._has_trained = self._has_trained or (beat is not None and beat.steps_total > 0)
        for event in tick.events:
            if isinstance(event, Noted) and event.what == "checkpoint" and FINAL in saved_file(event):
                self._is_over = True  # the last thing that nnU-Net does, whoever ended the loop
            elif isinstance(event, Noted) and event.text == LOOP and event.what == "began":
                self._has_begun, self._is_over, self._epochs = True, False, 0  # perhaps a second one in this process
            elif isinstance(event, Noted) and event.text == LOOP:
                self._is_over = self._is_over or event.what == "finished"
            elif isinstance(event, EpochEnded):
                self._epochs = max(self._epochs, event.epoch + 1)  # nnU-Net counts from 0
            elif isinstance(event, ActionTaken) and event.action == "restart" and event.state == "begun":
                self._begin()

    def is_unfinished(self, epochs: int | None) -> bool:
        """Whether nnU-Net's loop was left before its end: steps were done, it has not returned, and epochs are missing.

        ``epochs``: that the trainer wants to train, if known. A loop that returns sooner was stopped on purpose.
        """
        lacks_epochs = epochs is None or self._epochs < epochs
        return self._has_begun and self._has_trained and not self._is_over and lacks_epochs
