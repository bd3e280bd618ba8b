"""A data worker raises an exception: one read fails, once."""

from __future__ import annotations

from benchmarks.faultlab.fault import Fault
from benchmarks.survival.worker_faults import WorkerRaises


class WorkerRaisesOnce(Fault, WorkerRaises):
    """Stock nnU-Net ends; the last message is from the main process."""

    name = "worker-raises"
    cause = "worker-exception"
    acts = True


SCENARIO = WorkerRaisesOnce
