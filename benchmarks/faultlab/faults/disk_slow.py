"""Reads of the preprocessed data take seconds, on a real file system in user space."""

from __future__ import annotations

from benchmarks.faultlab.fault import Fault
from benchmarks.survival.fault import FromDemo
from holter.demo.faults.slow_disk import SlowDisk


class DiskSlow(Fault, FromDemo):
    """As with an overloaded file server."""

    name = "disk-slow"
    summary = "each read of preprocessed data takes four seconds longer"
    cause = "slow-storage"

    def __init__(self) -> None:
        super().__init__(SlowDisk())


SCENARIO = DiskSlow
