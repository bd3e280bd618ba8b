"""A data worker gets SIGSEGV."""

from __future__ import annotations

import signal

from benchmarks.faultlab.fault import Fault
from benchmarks.survival.worker_faults import WorkerSignal


class WorkerSigsegv(Fault, WorkerSignal):
    """As from a crash in native code."""

    name = "worker-sigsegv"
    summary = "a data worker gets SIGSEGV"
    cause = "worker-killed"
    acts = True

    def __init__(self) -> None:
        super().__init__(signal.SIGSEGV)


SCENARIO = WorkerSigsegv
