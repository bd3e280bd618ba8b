"""main-stopped: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.laws import ConfirmedLaws, LikelyLaws, LookAlike


class TestMainStopped(ConfirmedLaws, LikelyLaws):
    cause = "main-stopped"
    confirmed_by = {"episode.kind": "stall", "main.state": "T", "workers.stopped": ()}
    look_alikes = (
        LookAlike({"main.state": "S", "workers.stopped": ("worker 1",)}, "frozen-worker"),
        LookAlike({"main.state": "D", "frozen.processes": ("main process",)}, "frozen-cgroup"),
        LookAlike({"episode.kind": "death"}),
    )  # fmt: skip
    likely_by = ({"main.state": "T"},)
