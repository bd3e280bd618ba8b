"""What is common to limits of a process (``ulimit``): the training alone has them, not Holter."""

from __future__ import annotations

from collections.abc import Sequence

import psutil

from benchmarks.faultlab.fault import Fault
from benchmarks.survival.outside import Outside, Printed

NEARLY_S = 1.0  # two cores at most: as long again until the kernel acts


class Limited(Fault):
    """Base: started by a shell that has set a limit; it is met when the first batches are made."""

    from_start = True
    acts = True
    ulimit = ""  # the words after ``ulimit``
    watch_s = 60.0

    def wrap_training(self, command: Sequence[str]) -> list[str]:
        """Set the limit, then become the training under the same PID."""
        return ["/bin/sh", "-c", f'ulimit {self.ulimit} && exec "$0" "$@"', *command]

    def is_time(self, outside: Outside, printed: Printed) -> bool:
        """As soon as there are data workers; where it does not come so far, at its end."""
        return bool(outside.data_workers()) or (outside.main is not None and not outside.runs)

    def inject(self, outside: Outside) -> None:
        """It is there already."""
        self.strike()


class LimitedTime(Limited):
    """Base: each process may use so much CPU; the first to have used it is ended, and that is the main process."""

    cpu_s = 25

    def is_time(self, outside: Outside, printed: Printed) -> bool:
        """It has nearly used it up, or is gone already."""
        if outside.main is None:
            return False
        try:
            used = outside.main.cpu_times()
        except psutil.Error:
            return True
        return not outside.runs or used.user + used.system >= self.cpu_s - NEARLY_S
