"""A slow processor from beginning to end: half a core for all processes."""

from __future__ import annotations

import os
from collections.abc import Sequence

from benchmarks.faultlab.fault import Healthy
from benchmarks.survival.fault import Stage
from holter.demo.faults.cpu_group import CpuGroup, make_group
from holter.demo.faults.cpu_quota import CpuQuota
from holter.reports.catalogue import phrase

CPUS = 0.6
ENTER = 'echo $$ > "$0" && exec "$@"'  # joins the group, then becomes the training under the same PID


class SlowCpu(Healthy):
    """Every step takes three times as long as elsewhere, from the beginning."""

    name = "slow-cpu"
    summary = "a processor that is slow from beginning to end"
    iterations = 20
    limit_s = 300.0

    def __init__(self) -> None:
        super().__init__()
        self._group: CpuGroup | None = None

    def needs(self) -> str | None:
        """Require a group with a CPU limit."""
        missing = CpuQuota().needs()
        return None if missing is None else phrase(missing, "en")

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Create the group and limit it at once."""
        del stage
        self._group = make_group(f"holter-lab-{os.getpid()}")
        assert self._group is not None
        self._group.limit(CPUS)
        return {}

    def wrap_training(self, command: Sequence[str]) -> list[str]:
        """Start the training in it."""
        assert self._group is not None
        return ["/bin/sh", "-c", ENTER, str(self._group.members), *command]

    def undo(self) -> None:
        """Remove the group."""
        if self._group is not None:
            self._group.remove()


SCENARIO = SlowCpu
