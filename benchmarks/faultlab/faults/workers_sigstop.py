"""All workers for training batches are stopped."""

from __future__ import annotations

from benchmarks.faultlab.fault import Fault
from benchmarks.survival.worker_faults import AllFrozen


class WorkersSigstop(Fault, AllFrozen):
    """The queues are emptied, then no batch comes any more."""

    name = "workers-sigstop"
    cause = "frozen-worker"
    acts = True


SCENARIO = WorkersSigstop
