"""Everything is done and written, but the process does not end: one of its threads never ends."""

from __future__ import annotations

from benchmarks.faultlab.fault import Fault
from benchmarks.faults.outside import Outside, Printed


class ProcessStays(Fault):
    """The GPU stays in use until the user notices."""

    name = "process-stays"
    summary = "the training is finished, and its process does not end"
    cause = "no-exit-after-finish"
    gradual = True
    acts = True
    trainer = "nnUNetTrainerStays"
    validates = True
    epochs = 1
    iterations = 10
    watch_s = 120.0
    limit_s = 300.0

    def is_time(self, outside: Outside, printed: Printed) -> bool:
        """Count from the last line: the final validation is over."""
        return printed.validated

    def inject(self, outside: Outside) -> None:
        """Record the time; the thread exists already."""
        self.strike()


SCENARIO = ProcessStays
