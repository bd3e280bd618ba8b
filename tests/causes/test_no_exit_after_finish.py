"""no-exit-after-finish: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.laws import ConfirmedLaws, LookAlike


class TestNoExitAfterFinish(ConfirmedLaws):
    cause = "no-exit-after-finish"
    confirmed_by = {
        "episode.kind": "stall", "workers.stopped": (), "workers.blocked": (), "main.alive": True,
        "finish.done": True, "finish.age_s": 95.0, "phase": "shutdown", "activity.present": False,
    }  # fmt: skip
    look_alikes = (
        # The validation is not complete.
        LookAlike({"finish.done": False, "finish.age_s": ...}),
        LookAlike({"activity.present": True}),
    )  # fmt: skip
