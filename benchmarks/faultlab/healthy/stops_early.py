"""Early stopping: the training ends normally before the last epoch."""

from __future__ import annotations

from benchmarks.faultlab.fault import Healthy


class StopsEarly(Healthy):
    """The trainer ends normally after two of twenty epochs."""

    name = "stops-early"
    summary = "the trainer ends in order after two of twenty epochs"
    trainer = "nnUNetTrainerStopsEarly"
    epochs = 20


SCENARIO = StopsEarly
