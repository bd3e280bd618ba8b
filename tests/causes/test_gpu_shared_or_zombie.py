"""gpu-shared-or-zombie: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.laws import ConfirmedLaws, LikelyLaws, LookAlike


class TestGpuSharedOrZombie(ConfirmedLaws, LikelyLaws):
    cause = "gpu-shared-or-zombie"
    confirmed_by = {
        "episode.kind": "slow-down", "phase": "train", "gpu.shared": "slow", "gpu.foreign_processes": ("python",),
        "gpu.zombie_bytes": 0, "step.times_usual": 2.0, "wait.ratio": 0.02, "gpu.throttled": False,
    }  # fmt: skip
    look_alikes = (
        # The clock is low, and nobody else is there.
        LookAlike(
            {
                "gpu.shared": ..., "gpu.foreign_processes": (), "gpu.throttled": True,
                "gpu.clock_reasons": ("hw-thermal",),
            },
            "gpu-thermal-or-power",
        ),
        # Others are there, and the training waits for its data.
        LookAlike({"wait.ratio": 0.8}),
        # The network is too large by itself.
        LookAlike(
            {
                "episode.kind": "death", "gpu.shared": ..., "gpu.foreign_processes": (), "exception.cuda_oom": True,
                "exception.kind": "cuda-memory",
            }
        ),
    )  # fmt: skip
    likely_by = ({"gpu.shared": "slow", "gpu.foreign_processes": ("python",)},)
