"""threadpoolctl-version: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.laws import ConfirmedLaws, LikelyLaws, LookAlike


class TestThreadpoolctlVersion(ConfirmedLaws, LikelyLaws):
    cause = "threadpoolctl-version"
    confirmed_by = {
        "episode.kind": "death", "phase": "train", "exception.first": "Error: x", "exception.role": "train-worker",
        "exception.truncated_file": False, "worker.exit_signal": ..., "main.exit_signal": ..., "oom.kills": 0,
        "disk.error": ..., "shm.trouble": ..., "gpu.shared": ..., "echo.says": "training", "system.os": "linux",
        "exception.kind": "threadpoolctl", "software.threadpoolctl": "2.2.0",
    }  # fmt: skip
    likely_by = ({"episode.kind": "death", "exception.kind": "threadpoolctl"},)  # fmt: skip
    look_alikes = (
        LookAlike({"exception.kind": "other"}, "worker-exception"),
        LookAlike({"software.threadpoolctl": "3.5.0"}),
    )  # fmt: skip
