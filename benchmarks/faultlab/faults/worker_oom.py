"""A data worker is OOM-killed, in a memory group of its own."""

from __future__ import annotations

from benchmarks.faultlab.fault import Fault
from benchmarks.survival.worker_faults import WorkerOutOfMemory


class WorkerOom(Fault, WorkerOutOfMemory):
    """The group is too small for a single case."""

    cause = "ram-oom-train-worker"
    acts = True


SCENARIO = WorkerOom
