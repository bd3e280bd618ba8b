"""swap-thrash: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.laws import ConfirmedLaws, LookAlike


class TestSwapThrash(ConfirmedLaws):
    cause = "swap-thrash"
    confirmed_by = {
        "episode.kind": "slow-down", "phase": "train", "workers.stopped": (), "wait.ratio": 0.7, "oom.kills": 0,
        "swap.in_bytes_per_s": 30000000.0, "swap.out_bytes_per_s": 30000000.0, "pressure.memory": 0.4,
        "memory.used_ratio": 0.98, "cpu.system_ratio": 0.2,
    }  # fmt: skip
    look_alikes = (
        LookAlike({"swap.in_bytes_per_s": 0.0, "swap.out_bytes_per_s": 0.0}),
        LookAlike({"pressure.memory": 0.0}),
    )  # fmt: skip
