"""frozen-cgroup: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.laws import ConfirmedLaws, LikelyLaws, LookAlike


class TestFrozenCgroup(ConfirmedLaws, LikelyLaws):
    cause = "frozen-cgroup"
    confirmed_by = {
        "episode.kind": "stall", "frozen.processes": ("main process",), "workers.stopped": (), "workers.blocked": (),
    }  # fmt: skip
    look_alikes = (
        LookAlike({"frozen.processes": (), "main.stands_at": "train.py:7", "main.stands_in": "lock"}),
        LookAlike({"frozen.processes": (), "workers.stopped": ("worker 1",)}, "frozen-worker"),
        # In state D, and in a wait for storage.
        LookAlike(
            {
                "frozen.processes": (), "workers.blocked": ("worker 1",), "storage.pending_s": 20.0,
                "main.waits_on": "batch-queue",
            },
            "slow-storage",
            is_confirmed=False,
        ),
    )  # fmt: skip
    likely_by = ({"frozen.processes": ("main process",)},)
