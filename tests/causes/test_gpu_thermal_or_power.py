"""gpu-thermal-or-power: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.laws import ConfirmedLaws, LikelyLaws, LookAlike


class TestGpuThermalOrPower(ConfirmedLaws, LikelyLaws):
    cause = "gpu-thermal-or-power"
    confirmed_by = {
        "episode.kind": "slow-down", "phase": "train", "gpu.throttled": True, "gpu.clock_reasons": ("hw-thermal",),
        "gpu.clock_ratio": 0.5, "step.times_usual": 2.0, "gpu.temperature_c": 90, "wait.ratio": 0.02, "gpu.shared": ...,
    }  # fmt: skip
    look_alikes = (
        # Full clock: somebody else computes.
        LookAlike(
            {
                "gpu.throttled": False, "gpu.clock_reasons": (), "gpu.clock_ratio": 1.0, "gpu.shared": "slow",
                "gpu.foreign_processes": ("python",),
            },
            "gpu-shared-or-zombie",
        ),
        # The clock falls because the GPU waits for batches.
        LookAlike({"wait.ratio": 0.8}),
        # In a guest none of these can be read.
        LookAlike({"gpu.throttled": ..., "gpu.clock_reasons": ..., "gpu.clock_ratio": ...}),
    )  # fmt: skip
    likely_by = ({"episode.kind": "slow-down", "gpu.throttled": True},)
