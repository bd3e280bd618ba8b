"""cgroup-page-cache-pressure: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.laws import ConfirmedLaws, LookAlike


class TestCgroupPageCachePressure(ConfirmedLaws):
    cause = "cgroup-page-cache-pressure"
    confirmed_by = {
        "episode.kind": "slow-down", "phase": "train", "workers.stopped": (), "wait.ratio": 0.7, "oom.kills": 0,
        "memory.refaults_per_s": 9000.0, "memory.cache_ratio": 0.3, "memory.used_ratio": 0.99,
        "pressure.memory": 0.2, "workers.blocked": ("w",), "swap.in_bytes_per_s": ...,
    }  # fmt: skip
    look_alikes = (
        LookAlike({
            "memory.refaults_per_s": 0.0, "storage.latency_s": 2.0, "pressure.memory": 0.0,
            "main.waits_on": "batch-queue",
        }, "slow-storage"),
        LookAlike({"memory.cache_ratio": 0.02}),
    )  # fmt: skip
