"""The file system of the results is remounted read-only."""

from __future__ import annotations

from benchmarks.faultlab.fault import Fault
from benchmarks.survival.storage_faults import ReadOnly


class ResultsReadOnly(Fault, ReadOnly):
    """As the kernel does after a file system error."""

    cause = "disk-full-or-quota"
    acts = True


SCENARIO = ResultsReadOnly
