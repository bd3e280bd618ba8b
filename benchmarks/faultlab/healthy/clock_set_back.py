"""The wall clock is set back by an hour permanently."""

from __future__ import annotations

from benchmarks.faultlab.fault import Healthy
from benchmarks.faults.outside import Outside
from benchmarks.survival.clock_jump import JUMP_S, WallClock, compiler
from benchmarks.survival.fault import Stage


class ClockSetBack(Healthy):
    """As on a machine that reaches its time server late; nnU-Net's log reports an epoch of minus an hour."""

    name = "clock-set-back"
    summary = "the wall clock is set back by an hour in the middle of an epoch"
    epochs = 4

    def needs(self) -> str | None:
        """Require a compiler: the clock is a small library of the lab."""
        return None if compiler() else "no C compiler (cc or gcc) to build a clock that jumps"

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Build the clock."""
        self._clock = WallClock(stage.folder)
        return self._clock.variables

    def inject(self, outside: Outside) -> None:
        """Set the clock back."""
        self.strike()
        self._clock.set_ahead(-JUMP_S)


SCENARIO = ClockSetBack
