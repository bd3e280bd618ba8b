"""Half of the data workers are killed at one moment."""

from __future__ import annotations

import os
import signal

from benchmarks.faultlab.fault import Fault
from benchmarks.faults.outside import Outside


class HalfTheWorkers(Fault):
    """As by a clean-up script that takes them for left-over processes."""

    name = "half-the-workers"
    summary = "two of four data workers get SIGKILL"
    cause = "worker-killed"
    acts = True
    variables = {"nnUNet_n_proc_DA": "4"}

    def inject(self, outside: Outside) -> None:
        """Kill them."""
        workers = outside.train_workers()
        self.strike()
        for pid in workers[: len(workers) // 2]:
            os.kill(pid, signal.SIGKILL)


SCENARIO = HalfTheWorkers
