"""malloc-arena-retention: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.laws import ConfirmedLaws, LookAlike


class TestMallocArenaRetention(ConfirmedLaws):
    cause = "malloc-arena-retention"
    confirmed_by = {
        "episode.kind": "creep", "phase": "train", "system.os": "linux", "oom.kills": 0, "memory.arena_share": 0.8,
        "memory.arenas": 40, "memory.grows_in": "main", "memory.trim_freed_ratio": 0.35,
    }  # fmt: skip
    look_alikes = (
        LookAlike({"memory.trim_freed_ratio": 0.0}),
        LookAlike({"memory.grows_in": "workers"}),
        LookAlike({"phase": "startup"}),
    )  # fmt: skip
