"""The file system below the results is mounted anew without the right to write."""

from __future__ import annotations

from benchmarks.faultlab.fault import Fault
from benchmarks.survival.storage_faults import ReadOnly


class ResultsReadOnly(Fault, ReadOnly):
    """As a kernel does it after an error of the file system."""

    cause = "disk-full-or-quota"
    acts = True


SCENARIO = ResultsReadOnly
