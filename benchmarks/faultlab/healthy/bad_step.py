"""One loss is infinite, in one epoch; a GradScaler skips such a step."""

from __future__ import annotations

from benchmarks.faultlab.fault import Healthy


class BadStep(Healthy):
    """One step of an epoch has an infinite loss, and changes nothing."""

    name = "bad-step"
    summary = "one step of an epoch has an infinite loss, and changes nothing"
    trainer = "nnUNetTrainerBadStep"
    epochs = 4


SCENARIO = BadStep
