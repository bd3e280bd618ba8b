"""spawn-respawn-each-epoch: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.laws import ConfirmedLaws, LikelyLaws, LookAlike


class TestSpawnRespawnEachEpoch(ConfirmedLaws, LikelyLaws):
    cause = "spawn-respawn-each-epoch"
    confirmed_by = {
        "episode.kind": "slow-down", "workers.stopped": (), "workers.blocked": (), "workers.count": 6,
        "workers.reborn_ratio": 1.0, "epochs.edge_ratio": 0.7,
    }  # fmt: skip
    likely_by = ({"workers.reborn_ratio": 1.0},)  # fmt: skip
    look_alikes = (
        LookAlike({"workers.reborn_ratio": 0.0}),
        LookAlike({"epochs.edge_ratio": 0.01}),
    )  # fmt: skip
