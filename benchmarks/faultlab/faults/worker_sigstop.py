"""A data worker is stopped while it owes the training a tensor."""

from __future__ import annotations

from benchmarks.faultlab.fault import Fault
from benchmarks.survival.worker_faults import WorkerFrozen


class WorkerSigstop(Fault, WorkerFrozen):
    """As by a debugger, or by somebody who stopped the wrong process."""

    cause = "frozen-worker"
    acts = True


SCENARIO = WorkerSigstop
