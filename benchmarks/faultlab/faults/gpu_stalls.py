"""A step waits in the driver, and no reading of the GPU explains it. The GPU is simulated."""

from __future__ import annotations

from benchmarks.faultlab.gpu import GpuFault


class GpuStalls(GpuFault):
    """As with a driver call that does not return."""

    name = "gpu-stalls"
    summary = "(simulated GPU) one step never comes back from the driver"
    cause = "gpu-side-stall"
    delay_s = 1e5
    broken = {"utilization": 0, "power": 60_000}


SCENARIO = GpuStalls
