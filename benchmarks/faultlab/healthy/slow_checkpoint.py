"""Every checkpoint takes twelve seconds."""

from __future__ import annotations

from benchmarks.faultlab.fault import Healthy


class SlowCheckpoint(Healthy):
    """As on a slow disk."""

    name = "slow-checkpoint"
    summary = "each checkpoint takes 12 s"
    trainer = "nnUNetTrainerSlowSave"
    epochs = 2
    iterations = 20


SCENARIO = SlowCheckpoint
