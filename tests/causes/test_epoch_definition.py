"""epoch-definition: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.laws import ConfirmedLaws, LikelyLaws, LookAlike


class TestEpochDefinition(ConfirmedLaws, LikelyLaws):
    cause = "epoch-definition"
    confirmed_by = {
        "episode.kind": "slow-down", "workers.stopped": (), "workers.blocked": (), "workers.count": 6,
        "batch.times_usual": 2.0, "batch.sample_times_usual": 1.0,
    }  # fmt: skip
    likely_by = ({"batch.times_usual": 2.0, "batch.sample_times_usual": 1.0},)  # fmt: skip
    look_alikes = (
        LookAlike({"batch.sample_times_usual": 1.6}),
    )  # fmt: skip
