"""The wall clock is set back by an hour while a data worker is stopped."""

from __future__ import annotations

from benchmarks.faultlab.fault import Fault
from benchmarks.faults.outside import Outside
from benchmarks.survival.clock_jump import JUMP_S, WallClock, compiler
from benchmarks.survival.fault import FromDemo, Stage
from holter.demo.faults.freeze_worker import FreezeWorker

BACK_AFTER_S = 3.0  # before the standstill can be noticed


class ClockBackFrozen(Fault, FromDemo):
    """As when a laptop reaches its time server at that moment; for the training and for Holter."""

    name = "clock-back-frozen"
    summary = f"a data worker is stopped, and {BACK_AFTER_S:.0f} s later the wall clock is set back by an hour"
    cause = "frozen-worker"
    acts = True

    def __init__(self) -> None:
        super().__init__(FreezeWorker())
        self._is_back = False

    def needs(self) -> str | None:
        """Require a compiler: the clock is a small library of the lab."""
        return None if compiler() else "no C compiler (cc or gcc) to build a clock that jumps"

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Build the clock."""
        self._clock = WallClock(stage.folder)
        return {**super().prepare(stage), **self._clock.variables}

    def step(self, outside: Outside, since_s: float) -> None:
        """Set the clock back."""
        if since_s >= BACK_AFTER_S and not self._is_back:
            self._is_back = True
            self._clock.set_ahead(-JUMP_S)


SCENARIO = ClockBackFrozen
