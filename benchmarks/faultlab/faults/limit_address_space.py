"""A limit on the address space from the beginning: ``ulimit -v``."""

from __future__ import annotations

from benchmarks.faultlab.limits import Limited


class SmallAddressSpace(Limited):
    """As an old login node or a scheduler (``h_vmem``) sets it; memory is free."""

    name = "limit-address-space"
    summary = "ulimit -v: each process of the training may map 1.7 GB, though memory is free"
    cause = "process-limit"
    ulimit = "-v 1700000"


SCENARIO = SmallAddressSpace
