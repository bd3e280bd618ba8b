"""The final validation has a slow processor."""

from __future__ import annotations

from benchmarks.faultlab.fault import Healthy
from benchmarks.faults.outside import Outside, Printed
from benchmarks.survival.fault import FromDemo
from holter.demo.faults import cpu_quota
from holter.demo.faults.cpu_quota import CpuQuota


class LongFinalValidation(Healthy, FromDemo):
    """Each case takes as long as a large one elsewhere."""

    name = "long-final-validation"
    summary = f"the final validation has {cpu_quota.QUOTA_CPUS} of a core"
    validates = True
    epochs = 1
    iterations = 10
    limit_s = 300.0

    def __init__(self) -> None:
        super().__init__(CpuQuota())

    def is_time(self, outside: Outside, printed: Printed) -> bool:
        """Count from the first prediction."""
        return printed.validates


SCENARIO = LongFinalValidation
