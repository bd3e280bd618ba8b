"""A data worker gets SIGBUS."""

from __future__ import annotations

import signal

from benchmarks.faultlab.fault import Fault
from benchmarks.survival.worker_faults import WorkerSignal


class WorkerSigbus(Fault, WorkerSignal):
    """As from a memory map whose file became shorter."""

    name = "worker-sigbus"
    summary = "a data worker gets SIGBUS"
    cause = "worker-killed"
    acts = True

    def __init__(self) -> None:
        super().__init__(signal.SIGBUS)


SCENARIO = WorkerSigbus
