"""cgroup-cpu-quota: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.laws import ConfirmedLaws, LikelyLaws, LookAlike


class TestCgroupCpuQuota(ConfirmedLaws, LikelyLaws):
    cause = "cgroup-cpu-quota"
    confirmed_by = {
        "episode.kind": "slow-down", "phase": "train", "workers.stopped": (), "cpu.quota": 4.0,
        "cpu.throttled_ratio": 0.8, "step.times_usual": 3.0, "wait.ratio": 0.7, "cpu.run_busy_ratio": 0.95,
        "activity.present": True,
    }  # fmt: skip
    look_alikes = (
        # A mask, and no throttled periods.
        LookAlike(
            {
                "cpu.quota": ..., "cpu.throttled_ratio": ..., "cpu.allocated_ratio": 0.06, "cpu.effective": 4,
                "cpu.workers_per_cpu": 3.0,
            },
            "few-cores-allocated",
        ),
        # Other jobs use the machine: the quota is hardly reached.
        LookAlike({"cpu.throttled_ratio": 0.02}),
        # Every limit throttles bursts: here nothing waits.
        LookAlike({"step.times_usual": 1.0, "wait.ratio": 0.0}),
        LookAlike({"workers.stopped": ("worker 1",)}, "frozen-worker"),
    )  # fmt: skip
    # It throttles; whether the training waits for that is not known.
    likely_by = ({"episode.kind": "slow-down", "cpu.quota": 4.0, "cpu.throttled_ratio": 0.8},)
