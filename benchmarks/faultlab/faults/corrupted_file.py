"""The properties of a case are not what the loader expects."""

from __future__ import annotations

from benchmarks.faultlab.fault import Fault
from benchmarks.survival.fault import FromDemo
from holter.demo.faults.worker_exception import WorkerException


class FileCorrupted(Fault, FromDemo):
    """A worker reads the case and raises."""

    name = "corrupted-file"
    summary = WorkerException.summary
    cause = "worker-exception"
    acts = True

    def __init__(self) -> None:
        super().__init__(WorkerException())


SCENARIO = FileCorrupted
