"""page-cache-cold: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.laws import ConfirmedLaws, LikelyLaws, LookAlike


class TestPageCacheCold(ConfirmedLaws, LikelyLaws):
    cause = "page-cache-cold"
    confirmed_by = {
        "episode.kind": "slow-down", "workers.stopped": (), "workers.blocked": (), "workers.count": 6,
        "epochs.shape": "decreasing", "cache.reads_late_ratio": 0.02,
    }  # fmt: skip
    likely_by = ({"epochs.shape": "decreasing"},)  # fmt: skip
    look_alikes = (
        # Epochs fall, and as much is read as before.
        LookAlike({"cache.reads_late_ratio": 1.0}),
    )  # fmt: skip
