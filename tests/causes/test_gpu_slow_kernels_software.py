"""gpu-slow-kernels-software: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.laws import ConfirmedLaws, LikelyLaws, LookAlike


class TestGpuSlowKernelsSoftware(ConfirmedLaws, LikelyLaws):
    cause = "gpu-slow-kernels-software"
    confirmed_by = {
        "episode.kind": "slow-down", "wait.ratio": 0.02, "gpu.throttled": False, "gpu.shared": ...,
        "step.times_usual": 1.0, "gpu.utilization_ratio": 1.0, "gpu.present": True, "gpu.licence_stage": ...,
        "plan.configuration": "3d_fullres", "software.slow_kernels": "conv3d-without-cudnn", "gpu.mig": False,
        "predict.on_cpu": ..., "software.torch": "2.9.0+cu128", "epochs.shape": "flat",
    }  # fmt: skip
    likely_by = ({"episode.kind": "slow-down", "software.torch": "2.9.0", "epochs.shape": "flat"},)  # fmt: skip
    look_alikes = (
        LookAlike({"plan.configuration": "2d"}),
        LookAlike({"step.times_usual": 5.0}),
        LookAlike({"software.torch": "2.8.0", "software.slow_kernels": "none"}),
        LookAlike({"gpu.present": False}),
    )  # fmt: skip
