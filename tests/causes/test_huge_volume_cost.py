"""huge-volume-cost: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.laws import ConfirmedLaws, LookAlike


class TestHugeVolumeCost(ConfirmedLaws):
    cause = "huge-volume-cost"
    confirmed_by = {
        "episode.kind": "slow-down", "workers.stopped": (), "workers.blocked": (), "workers.count": 6,
        "cpu.throttled_ratio": ..., "cpu.quota": ..., "cpu.allocated_ratio": 1.0, "gpu.throttled": ...,
        "plan.median_voxels": 440000000.0, "reading.share": 0.9, "wait.ratio": 0.95, "queue.ready": "empty",
        "cpu.run_busy_ratio": 0.9, "workers.working": 6, "activity.present": True,
    }  # fmt: skip
    look_alikes = (
        # Workers compute, they do not read.
        LookAlike({"reading.share": 0.0}, "cpu-starved-augmentation", is_confirmed=False),
        LookAlike({"plan.median_voxels": 1000000.0}),
    )  # fmt: skip
