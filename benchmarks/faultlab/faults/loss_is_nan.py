"""The network diverges: every loss is NaN, and nnU-Net continues."""

from __future__ import annotations

from benchmarks.faultlab.fault import Armed


class LossIsNan(Armed):
    """The loss is NaN from one step on."""

    name = "loss-is-nan"
    summary = "the loss is NaN from one step on"
    cause = "loss-not-finite"
    trainer = "nnUNetTrainerDiverges"
    acts = False
    watch_s = 60.0
    iterations = 20


SCENARIO = LossIsNan
