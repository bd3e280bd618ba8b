"""The first step waits for a compiler that works for a minute and a half."""

from __future__ import annotations

from benchmarks.faultlab.fault import Healthy


class LongFirstStep(Healthy):
    """The first step waits 90 s for a compiler that works in a process of its own."""

    name = "long-first-step"
    summary = "the first step waits 90 s for a compiler that works in a process of its own"
    trainer = "nnUNetTrainerLongFirstStep"
    variables = {"FAULTLAB_LASTS_S": "90"}


SCENARIO = LongFirstStep
