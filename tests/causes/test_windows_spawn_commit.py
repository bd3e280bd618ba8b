"""windows-spawn-commit: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.laws import ConfirmedLaws, LikelyLaws, LookAlike


class TestWindowsSpawnCommit(ConfirmedLaws, LikelyLaws):
    cause = "windows-spawn-commit"
    confirmed_by = {
        "episode.kind": "death", "phase": "train", "exception.first": "Error: x", "exception.role": "train-worker",
        "exception.truncated_file": False, "worker.exit_signal": ..., "main.exit_signal": ..., "oom.kills": 0,
        "disk.error": ..., "shm.trouble": ..., "gpu.shared": ..., "echo.says": "training", "system.os": "windows",
        "exception.kind": "windows-commit",
    }  # fmt: skip
    likely_by = ({"episode.kind": "death", "exception.kind": "windows-commit"},)  # fmt: skip
    look_alikes = (
        LookAlike({"system.os": "linux"}, "worker-exception"),
        LookAlike({"exception.kind": "other"}, "worker-exception"),
    )  # fmt: skip
