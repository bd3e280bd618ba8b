"""/dev/shm, through which workers pass their tensors, is full: in a mount namespace of the run."""

from __future__ import annotations

from benchmarks.faultlab.fault import Fault
from benchmarks.survival.storage_faults import ShmFull


class SmallShm(Fault, ShmFull):
    """SIGBUS or an exception in a worker."""

    cause = "shm-too-small"
    acts = True


SCENARIO = SmallShm
