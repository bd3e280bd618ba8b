"""A data worker is stopped while the training waits for its tensor."""

from __future__ import annotations

from benchmarks.faultlab.fault import Fault
from benchmarks.survival.worker_faults import WorkerFrozen


class WorkerSigstop(Fault, WorkerFrozen):
    """As by a debugger, or by a user who stopped the wrong process."""

    cause = "frozen-worker"
    acts = True


SCENARIO = WorkerSigstop
