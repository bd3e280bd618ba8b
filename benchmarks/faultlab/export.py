"""Base for faults of export workers: they are hit while they work on a case, when nothing watches them."""

from __future__ import annotations

import os
import signal

from benchmarks.faultlab.fault import Fault
from benchmarks.faults.outside import Outside, Printed
from holter.demo.faults.lost_export import Hunt


class ExportFault(Fault):
    """Something happens to an export worker of the final validation."""

    validates = True
    acts = True
    epochs = 1
    iterations = 10
    watch_s = 75.0  # the standstill detector allows 45 s without progress in the final validation

    def __init__(self) -> None:
        super().__init__()
        self._hunt: Hunt | None = None

    def is_time(self, outside: Outside, printed: Printed) -> bool:
        """Break it from the first prediction on; then a thread waits for the right moment."""
        return printed.validates

    def inject(self, outside: Outside) -> None:
        """Start to wait for the moment."""
        assert outside.main is not None
        self._hunt = Hunt(outside.main.pid, self._strike)

    def _strike(self, pid: int) -> None:
        self.strike()
        self.hit(pid)

    def hit(self, pid: int) -> None:
        """Kill the export worker."""
        os.kill(pid, signal.SIGKILL)

    def relieve(self) -> None:
        """Stop waiting."""
        if self._hunt is not None:
            self._hunt.end()
