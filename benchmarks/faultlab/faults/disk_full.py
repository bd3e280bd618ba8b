"""The file system of the results has no space left."""

from __future__ import annotations

from benchmarks.faultlab.fault import Fault
from benchmarks.survival.storage_faults import DiskFull


class FullDisk(Fault, DiskFull):
    """A small file system in memory, filled completely."""

    cause = "disk-full-or-quota"
    acts = True


SCENARIO = FullDisk
