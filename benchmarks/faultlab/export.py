"""What is common to faults of export workers: they are met with a case in hand and nobody left to notice it."""

from __future__ import annotations

import os
import signal

from benchmarks.faultlab.fault import Fault
from benchmarks.survival.outside import Outside, Printed
from holter.demo.faults.lost_export import Hunt


class ExportFault(Fault):
    """Something happens to an export worker of the final validation."""

    validates = True
    acts = True
    epochs = 1
    iterations = 10
    watch_s = 75.0  # no news for 45 s is what the detector of standstills grants the final validation

    def __init__(self) -> None:
        super().__init__()
        self._hunt: Hunt | None = None

    def is_time(self, outside: Outside, printed: Printed) -> bool:
        """The first case is being predicted; the right moment is hunted for."""
        return printed.validates

    def inject(self, outside: Outside) -> None:
        """Lie in wait."""
        assert outside.main is not None
        self._hunt = Hunt(outside.main.pid, self._strike)

    def _strike(self, pid: int) -> None:
        self.strike()
        self.hit(pid)

    def hit(self, pid: int) -> None:
        """Kill it."""
        os.kill(pid, signal.SIGKILL)

    def relieve(self) -> None:
        """Stop looking."""
        if self._hunt is not None:
            self._hunt.end()
