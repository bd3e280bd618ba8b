"""kernel-time-reclaim: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.laws import ConfirmedLaws, LookAlike


class TestKernelTimeReclaim(ConfirmedLaws):
    cause = "kernel-time-reclaim"
    confirmed_by = {
        "episode.kind": "slow-down", "phase": "train", "workers.stopped": (), "wait.ratio": 0.7, "oom.kills": 0,
        "cpu.system_ratio": 0.7, "memory.direct_scans_per_s": 90000.0, "memory.compact_stalls_per_s": 40.0,
        "swap.in_bytes_per_s": ..., "cpu.run_busy_ratio": 0.95, "workers.blocked": (), "workers.working": 6,
        "queue.ready": "empty", "cpu.throttled_ratio": ..., "cpu.allocated_ratio": 1.0, "activity.present": True,
    }  # fmt: skip
    look_alikes = (
        LookAlike({"memory.direct_scans_per_s": 0.0, "memory.compact_stalls_per_s": 0.0}),
        LookAlike({"cpu.system_ratio": 0.1}),
    )  # fmt: skip
