"""not-stuck-output-hidden: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.laws import ConfirmedLaws, LikelyLaws, LookAlike


class TestNotStuckOutputHidden(ConfirmedLaws, LikelyLaws):
    cause = "not-stuck-output-hidden"
    confirmed_by = {
        "episode.kind": "stall", "workers.stopped": (), "workers.blocked": (), "main.alive": True,
        "output.hidden": True, "progress.resumed": True, "progress.age_s": 2.0, "activity.present": True,
    }  # fmt: skip
    likely_by = ({"output.hidden": True},)  # fmt: skip
    look_alikes = (
        # The console gets everything.
        LookAlike({"output.hidden": False, "cpu.throttled_ratio": ..., "gpu.licence_stage": ...}, "not-stuck"),
        # A real standstill behind a silent console.
        LookAlike({"progress.resumed": False, "progress.age_s": 900.0, "activity.present": False}),
    )  # fmt: skip
