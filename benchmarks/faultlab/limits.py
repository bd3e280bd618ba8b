"""Base for limits of a process (``ulimit``): only the training has them, not Holter."""

from __future__ import annotations

from collections.abc import Sequence

import psutil

from benchmarks.faultlab.fault import Fault
from benchmarks.faults.outside import Outside, Printed

NEARLY_S = 1.0  # CPU seconds before the limit: at least half a second of wall time on two cores


class Limited(Fault):
    """Base: started by a shell that has set a limit; it is reached when the first batches are made."""

    from_start = True
    acts = True
    ulimit = ""  # arguments of ``ulimit``
    watch_s = 60.0

    def wrap_training(self, command: Sequence[str]) -> list[str]:
        """Set the limit, then become the training under the same PID."""
        return ["/bin/sh", "-c", f'ulimit {self.ulimit} && exec "$0" "$@"', *command]

    def is_time(self, outside: Outside, printed: Printed) -> bool:
        """Count from the first data workers; if there are none, from the end of the training."""
        return bool(outside.data_workers()) or (outside.main is not None and not outside.runs)

    def inject(self, outside: Outside) -> None:
        """Record the time; the limit exists already."""
        self.strike()


class LimitedTime(Limited):
    """Base: each process may use that much CPU; the main process is the first to reach the limit and is ended."""

    cpu_s = 25

    def is_time(self, outside: Outside, printed: Printed) -> bool:
        """Count from shortly before the limit, or from the end of the process."""
        if outside.main is None:
            return False
        try:
            used = outside.main.cpu_times()
        except psutil.Error:
            return True
        return not outside.runs or used.user + used.system >= self.cpu_s - NEARLY_S
