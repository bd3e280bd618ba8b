"""copy-on-read-growth: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.laws import ConfirmedLaws, LookAlike


class TestCopyOnReadGrowth(ConfirmedLaws):
    cause = "copy-on-read-growth"
    confirmed_by = {
        "episode.kind": "creep", "phase": "train", "system.os": "linux", "oom.kills": 0,
        "memory.private_growth_bytes_per_h": 400000000.0, "memory.shared_growth_bytes_per_h": -350000000.0,
        "memory.grows_in": "none",
    }  # fmt: skip
    look_alikes = (
        LookAlike({"memory.shared_growth_bytes_per_h": 0.0}),
        LookAlike({"memory.private_growth_bytes_per_h": 0.0}),
    )  # fmt: skip
