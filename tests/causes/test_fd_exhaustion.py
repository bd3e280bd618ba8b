"""fd-exhaustion: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.laws import ConfirmedLaws, LikelyLaws, LookAlike


class TestFdExhaustion(ConfirmedLaws, LikelyLaws):
    cause = "fd-exhaustion"
    confirmed_by = {
        "episode.kind": "death", "phase": "train", "exception.first": "Error: x", "exception.role": "train-worker",
        "exception.truncated_file": False, "worker.exit_signal": ..., "main.exit_signal": ..., "oom.kills": 0,
        "disk.error": ..., "shm.trouble": ..., "gpu.shared": ..., "echo.says": "training", "system.os": "linux",
        "exception.kind": "descriptors", "fds.used_ratio": 0.99, "fds.limit": 1024,
    }  # fmt: skip
    likely_by = ({"episode.kind": "death", "exception.kind": "descriptors"},)  # fmt: skip
    look_alikes = (
        LookAlike({"exception.kind": "other", "fds.used_ratio": 0.1}, "worker-exception"),
        LookAlike({"fds.used_ratio": 0.2}),
    )  # fmt: skip
