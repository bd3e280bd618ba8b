"""The first epoch starts after almost three minutes without any computation."""

from __future__ import annotations

from benchmarks.faultlab.fault import Healthy


class LongStart(Healthy):
    """Before the first epoch nothing happens for 170 s."""

    name = "long-start"
    summary = "before the first epoch nothing happens for 170 s"
    limit_s = 420.0
    trainer = "nnUNetTrainerLongStart"
    variables = {"FAULTLAB_LASTS_S": "170"}


SCENARIO = LongStart
