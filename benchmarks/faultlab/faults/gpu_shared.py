"""Another process computes on the same GPU. The GPU is simulated."""

from __future__ import annotations

from typing import Any

from benchmarks.faultlab.gpu import GpuFault, stranger
from benchmarks.faults.outside import Outside


class GpuShared(GpuFault):
    """As on a shared workstation."""

    name = "gpu-shared"
    summary = "(simulated GPU) another process begins to compute on the GPU"
    cause = "gpu-shared-or-zombie"

    def change(self, outside: Outside) -> dict[str, Any]:
        """Return a process list with the other process and ours."""
        assert outside.main is not None
        pid, held = stranger()
        own = outside.main.pid
        return {
            "processes": [(own, 5 << 30), (pid, held)],
            "process_names": {own: "python", pid: "python"},
            "memory_used": 26 << 30,
            "utilization": 100,
        }


SCENARIO = GpuShared
