"""ended-early: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.laws import ConfirmedLaws, LikelyLaws, LookAlike


class TestEndedEarly(ConfirmedLaws, LikelyLaws):
    cause = "ended-early"
    confirmed_by = {"episode.kind": "death", "main.early": True, "exception.first": ..., "main.exit_signal": ...}
    look_alikes = (
        # An early stopping of its own writes the final checkpoint.
        LookAlike({"main.early": False}),
        # It was asked to stop.
        LookAlike(
            {
                "main.early": False, "main.exit_signal": 15, "oom.kills": 0, "worker.exit_signal": ...,
                "limit.reached": ...,
            },
            "external-kill",
        ),
        LookAlike({"exception.first": "ValueError: x"}),
    )  # fmt: skip
    likely_by = ({"main.early": True},)
