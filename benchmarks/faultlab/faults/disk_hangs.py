"""Reads of the preprocessed data do not come back, on a real file system in user space."""

from __future__ import annotations

from benchmarks.faultlab.fault import Fault
from benchmarks.survival.fault import FromDemo
from benchmarks.survival.outside import Outside
from holter.demo.faults.slow_disk import SlowDisk


class DiskHangs(Fault, FromDemo):
    """As a file server that is gone and whose client waits for ever."""

    name = "disk-hangs"
    summary = "reads of preprocessed data never come back"
    cause = "slow-storage"

    def __init__(self) -> None:
        super().__init__(SlowDisk())

    def inject(self, outside: Outside) -> None:
        """From now on no read returns."""
        super().inject(outside)
        (outside.folder / "slow-disk-delay-s").write_text("inf\n")


SCENARIO = DiskHangs
