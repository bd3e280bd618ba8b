"""vram-spill-to-host: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.laws import ConfirmedLaws, LookAlike


class TestVramSpillToHost(ConfirmedLaws):
    cause = "vram-spill-to-host"
    confirmed_by = {
        "episode.kind": "slow-down", "wait.ratio": 0.02, "gpu.throttled": False, "gpu.shared": ...,
        "step.times_usual": 8.0, "gpu.utilization_ratio": 1.0, "gpu.present": True, "gpu.licence_stage": ...,
        "plan.configuration": "3d_fullres", "software.slow_kernels": "none", "gpu.mig": False, "predict.on_cpu": ...,
        "system.virtual_machine": "wsl", "gpu.memory_ratio": 0.99, "gpu.spinning": ("GPU 0",),
    }  # fmt: skip
    look_alikes = (
        LookAlike({"system.virtual_machine": "none"}),
        LookAlike({"gpu.spinning": ()}),
        # Memory that is moved about shows a GPU at work.
        LookAlike({"gpu.utilization_ratio": 0.1}),
    )  # fmt: skip
