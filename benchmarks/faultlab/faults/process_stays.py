"""All is done and written, and the process stays: a thread of its own never ends."""

from __future__ import annotations

from benchmarks.faultlab.fault import Fault
from benchmarks.survival.outside import Outside, Printed


class ProcessStays(Fault):
    """The GPU stays taken until somebody notices."""

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
        """The last line is printed: the final validation is over."""
        return printed.validated

    def inject(self, outside: Outside) -> None:
        """The thread is there already."""
        self.strike()


SCENARIO = ProcessStays
