"""The CPU quota of the training's control group is lowered to a quarter of a core."""

from __future__ import annotations

from benchmarks.faultlab.fault import Fault
from benchmarks.survival.fault import FromDemo
from holter.demo.faults.cpu_quota import CpuQuota


class Quota(Fault, FromDemo):
    """As a container or a scheduler limits it."""

    name = "cpu-quota"
    summary = "the CPU quota is cut to a quarter of a core"
    cause = "cgroup-cpu-quota"

    def __init__(self) -> None:
        super().__init__(CpuQuota())


SCENARIO = Quota
