"""The wall clock jumps an hour ahead and back."""

from __future__ import annotations

from benchmarks.faultlab.fault import Healthy
from benchmarks.survival.clock_jump import ClockJump


class ClockJumps(Healthy, ClockJump):
    """nnU-Net's log tells of an epoch of an hour, and of one of minus an hour."""

    name = "clock-jumps"
    epochs = 5


SCENARIO = ClockJumps
