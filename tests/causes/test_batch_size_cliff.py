"""batch-size-cliff: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.laws import ConfirmedLaws, LookAlike


class TestBatchSizeCliff(ConfirmedLaws):
    cause = "batch-size-cliff"
    confirmed_by = {
        "episode.kind": "slow-down", "wait.ratio": 0.02, "gpu.throttled": False, "gpu.shared": ...,
        "step.times_usual": 8.0, "gpu.utilization_ratio": 1.0, "gpu.present": True, "gpu.licence_stage": ...,
        "plan.configuration": "3d_fullres", "software.slow_kernels": "none", "gpu.mig": False, "predict.on_cpu": ...,
        "batch.times_per_sample": 4.0, "gpu.spinning": (), "gpu.power_ratio": 0.95,
    }  # fmt: skip
    look_alikes = (
        LookAlike({"batch.times_per_sample": 1.05}),
    )  # fmt: skip
