"""The wall clock jumps ahead by an hour and back."""

from __future__ import annotations

from benchmarks.faultlab.fault import Healthy
from benchmarks.survival.clock_jump import ClockJump


class ClockJumps(Healthy, ClockJump):
    """nnU-Net's log reports an epoch of an hour, and one of minus an hour."""

    name = "clock-jumps"
    epochs = 5


SCENARIO = ClockJumps
