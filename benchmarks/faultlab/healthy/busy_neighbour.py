"""Another user's program uses all idle CPU time, and no more."""

from __future__ import annotations

import os
import subprocess
import sys

from benchmarks.faultlab.fault import Healthy
from benchmarks.faults.outside import Outside


class BusyNeighbour(Healthy):
    """It is niced: other processes get a CPU first."""

    name = "busy-neighbour"
    summary = "a niced program uses every idle CPU"
    epochs = 5

    def __init__(self) -> None:
        super().__init__()
        self._others: list[subprocess.Popen[bytes]] = []

    def inject(self, outside: Outside) -> None:
        """Start it."""
        self.strike()
        spin = [sys.executable, "-c", "while True: pass"]
        for _ in range(len(os.sched_getaffinity(0))):
            self._others.append(subprocess.Popen(["nice", "-n", "19", *spin]))

    def relieve(self) -> None:
        """End it."""
        for other in self._others:
            other.kill()
            other.wait()
        self._others.clear()

    def undo(self) -> None:
        """End it."""
        self.relieve()


SCENARIO = BusyNeighbour
