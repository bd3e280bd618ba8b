"""affinity-clobbered: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.laws import ConfirmedLaws, LookAlike


class TestAffinityClobbered(ConfirmedLaws):
    cause = "affinity-clobbered"
    confirmed_by = {
        "episode.kind": "slow-down", "workers.stopped": (), "workers.blocked": (), "workers.count": 6,
        "cpu.throttled_ratio": ..., "cpu.quota": ..., "cpu.allocated_ratio": 0.06, "gpu.throttled": ...,
        "affinity.narrowed": True, "workers.per_cpu_seen": 6.0, "wait.ratio": 0.8, "cpu.workers_per_cpu": 6.0,
        "cpu.run_busy_ratio": 0.95, "setting.pinning": "true", "activity.present": True,
    }  # fmt: skip
    look_alikes = (
        # The mask was there when the training began.
        LookAlike({"affinity.narrowed": False}, "few-cores-allocated", is_confirmed=False),
        # Pinned on purpose: each worker has a CPU of its own.
        LookAlike({"workers.per_cpu_seen": 1.0}),
    )  # fmt: skip
