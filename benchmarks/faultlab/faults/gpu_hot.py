"""A GPU gets too hot and slows itself down. The GPU is simulated."""

from __future__ import annotations

from benchmarks.faultlab.gpu import GpuFault


class GpuHot(GpuFault):
    """As behind a dusty fan."""

    name = "gpu-hot"
    summary = "(simulated GPU) the GPU is 91 °C hot and runs at a third of its clock"
    cause = "gpu-thermal-or-power"
    sound = {"utilization": 97}
    broken = {
        "utilization": 99, "sm_clock": 510, "temperature": 91, "power": 118_000, "clock_event_reasons": 0x60,
        "clock_throttle_reasons": 0x60,
    }  # fmt: skip


SCENARIO = GpuHot
