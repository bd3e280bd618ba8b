"""One data worker is stopped, and another one is killed a moment later: two victims with two causes."""

from __future__ import annotations

import os
import signal

from benchmarks.faultlab.fault import Fault
from benchmarks.faults.outside import Outside

LATER_S = 1.0


class FrozenAndKilled(Fault):
    """The kill ends the training; Holter must name the right PID."""

    name = "frozen-and-killed"
    summary = "a data worker gets SIGSTOP, another one SIGKILL a second later"
    cause = "worker-killed"
    also = ("frozen-worker",)
    acts = True

    def inject(self, outside: Outside) -> None:
        """Stop the first worker."""
        first, second = outside.train_workers()[:2]
        self.victims = {"frozen-worker": first, "worker-killed": second}
        self.strike()
        os.kill(first, signal.SIGSTOP)

    def step(self, outside: Outside, since_s: float) -> None:
        """Kill the second worker."""
        if since_s >= LATER_S and len(self.struck) == 1:
            self.strike()
            os.kill(self.victims["worker-killed"], signal.SIGKILL)


SCENARIO = FrozenAndKilled
