"""One epoch that is many times as long as those of the lab."""

from __future__ import annotations

from benchmarks.faultlab.fault import Healthy


class LongEpoch(Healthy):
    """The log is silent for that time."""

    name = "long-epoch"
    summary = "one epoch of 150 steps"
    epochs = 1
    iterations = 150


SCENARIO = LongEpoch
