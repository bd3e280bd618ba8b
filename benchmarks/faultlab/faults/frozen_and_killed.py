"""One data worker is stopped, and another one killed a moment later: two victims, two stories."""

from __future__ import annotations

import os
import signal

from benchmarks.faultlab.fault import Fault
from benchmarks.survival.outside import Outside

LATER_S = 1.0


class FrozenAndKilled(Fault):
    """What ends the training is the kill; the PID that is named must be the right one."""

    name = "frozen-and-killed"
    summary = "a data worker gets SIGSTOP, another one SIGKILL a second later"
    cause = "worker-killed"
    also = ("frozen-worker",)
    acts = True

    def inject(self, outside: Outside) -> None:
        """Stop the first."""
        first, second = outside.train_workers()[:2]
        self.victims = {"frozen-worker": first, "worker-killed": second}
        self.strike()
        os.kill(first, signal.SIGSTOP)

    def step(self, outside: Outside, since_s: float) -> None:
        """Kill the second."""
        if since_s >= LATER_S and len(self.struck) == 1:
            self.strike()
            os.kill(self.victims["worker-killed"], signal.SIGKILL)


SCENARIO = FrozenAndKilled
