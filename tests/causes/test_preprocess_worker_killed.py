"""preprocess-worker-killed: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.laws import ConfirmedLaws, LikelyLaws, LookAlike


class TestPreprocessWorkerKilled(ConfirmedLaws, LikelyLaws):
    cause = "preprocess-worker-killed"
    confirmed_by = {
        "episode.kind": "death", "oom.kills": 1, "echo.says": "preprocessing", "exception.first": ...,
        "exception.kind": ..., "worker.exit_signal": ..., "system.os": "linux",
    }  # fmt: skip
    likely_by = ({"episode.kind": "death", "echo.says": "preprocessing"},)  # fmt: skip
    look_alikes = (
        LookAlike({"phase": "train", "echo.says": "training"}, "ram-oom-train-worker"),
    )  # fmt: skip
