"""A data worker gets SIGABRT."""

from __future__ import annotations

import signal

from benchmarks.faultlab.fault import Fault
from benchmarks.survival.worker_faults import WorkerSignal


class WorkerSigabrt(Fault, WorkerSignal):
    """As from a native library that aborts."""

    name = "worker-sigabrt"
    summary = "a data worker gets SIGABRT"
    cause = "worker-killed"
    acts = True

    def __init__(self) -> None:
        super().__init__(signal.SIGABRT)


SCENARIO = WorkerSigabrt
