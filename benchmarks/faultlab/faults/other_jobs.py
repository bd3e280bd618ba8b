"""Other jobs use the processor."""

from __future__ import annotations

import os
import subprocess
import sys

from benchmarks.faultlab.fault import Fault
from benchmarks.faults.outside import Outside

TIMES = 16  # busy processes per core: with fewer, the scheduler protects a training that computes in short bursts
BUSY = "while True: sum(range(10000))"


class OtherJobs(Fault):
    """As on a shared workstation."""

    name = "other-jobs"
    summary = "sixteen busy processes for every core start beside the training"
    cause = "concurrent-jobs-contention"

    def __init__(self) -> None:
        super().__init__()
        self._others: list[subprocess.Popen[bytes]] = []

    def inject(self, outside: Outside) -> None:
        """Start the jobs."""
        self.strike()
        for _ in range(TIMES * len(os.sched_getaffinity(0))):
            self._others.append(subprocess.Popen([sys.executable, "-c", BUSY], start_new_session=True))

    def relieve(self) -> None:
        """End the jobs."""
        for other in self._others:
            other.kill()
            other.wait()
        self._others.clear()

    def undo(self) -> None:
        """End the jobs."""
        self.relieve()


SCENARIO = OtherJobs
