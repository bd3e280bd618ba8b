"""A data worker gets SIGKILL."""

from __future__ import annotations

import signal

from benchmarks.faultlab.fault import Fault
from benchmarks.survival.worker_faults import WorkerSignal


class WorkerSigkill(Fault, WorkerSignal):
    """Killed from outside, without any trace except the signal."""

    name = "worker-sigkill"
    summary = "a data worker gets SIGKILL"
    cause = "worker-killed"
    acts = True

    def __init__(self) -> None:
        super().__init__(signal.SIGKILL)


SCENARIO = WorkerSigkill
