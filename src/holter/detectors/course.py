"""How far a training has come: whether nnU-Net's own loop began, and whether it returned. Pure, like the detectors."""

from __future__ import annotations

from holter.detectors.view import main_beat
from holter.records import ActionTaken, Noted, Tick

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

    def see(self, tick: Tick) -> None:
        """Take in the next tick."""
        beat = main_beat(tick)
        self._has_trained = self._has_trained or (beat is not None and beat.steps_total > 0)
        for event in tick.events:
            if isinstance(event, Noted) and event.what == "checkpoint" and FINAL in _file(event):
                self._is_over = True  # nnU-Net's last deed, whoever ended the loop
            elif isinstance(event, Noted) and event.text == LOOP:
                self._has_begun = self._has_begun or event.what == "began"
                self._is_over = self._is_over or event.what == "finished"
            elif isinstance(event, ActionTaken) and event.action == "restart" and event.state == "begun":
                self._begin()

    @property
    def is_unfinished(self) -> bool:
        """Whether steps were done in nnU-Net's loop, and it has not returned, as it does after early stopping."""
        return self._has_begun and self._has_trained and not self._is_over


def _file(saved: Noted) -> str:
    """The checkpoint that a note is about; tapes of before have its name in their text."""
    return saved.text if saved.message is None else str(saved.message.value("file"))
