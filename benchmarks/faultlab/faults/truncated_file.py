"""A preprocessed image is truncated, as after a full disk or an interrupted copy."""

from __future__ import annotations

from benchmarks.faultlab.fault import Fault
from benchmarks.survival.fault import FromDemo
from holter.demo.faults.truncated_file import TruncatedFile


class FileTruncated(Fault, FromDemo):
    """A worker reads the case and raises."""

    name = "truncated-file"
    summary = TruncatedFile.summary
    cause = "truncated-preprocessed-file"
    acts = True

    def __init__(self) -> None:
        super().__init__(TruncatedFile())


SCENARIO = FileTruncated
