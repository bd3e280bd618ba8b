"""Reads of the preprocessed data never return, on a real file system in user space."""

from __future__ import annotations

from benchmarks.faultlab.fault import Fault
from benchmarks.faults.outside import Outside
from benchmarks.survival.fault import FromDemo
from holter.demo.faults.slow_disk import SlowDisk


class DiskHangs(Fault, FromDemo):
    """As with a dead file server and a client that waits forever."""

    name = "disk-hangs"
    summary = "reads of preprocessed data never come back"
    cause = "slow-storage"

    def __init__(self) -> None:
        super().__init__(SlowDisk())

    def inject(self, outside: Outside) -> None:
        """Let no read return from now on."""
        super().inject(outside)
        (outside.folder / "slow-disk-delay-s").write_text("inf\n")


SCENARIO = DiskHangs
