"""process-limit: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.laws import ConfirmedLaws, LikelyLaws, LookAlike


class TestProcessLimit(ConfirmedLaws, LikelyLaws):
    cause = "process-limit"
    confirmed_by = {
        "episode.kind": "death", "limit.reached": "cpu-time", "limit.near": True, "main.exit_signal": 24,
        "oom.kills": 0,
    }  # fmt: skip
    look_alikes = (
        # Somebody sent SIGKILL.
        LookAlike(
            {"limit.reached": ..., "main.exit_signal": 9, "exception.first": ..., "worker.exit_signal": ...},
            "external-kill",
        ),
        LookAlike({"oom.kills": 1}, "ram-oom-train-worker", is_confirmed=False),
    )  # fmt: skip
    # Batch systems send SIGXCPU too, and no use near a limit was seen.
    likely_by = (
        {"episode.kind": "death", "limit.reached": "cpu-time", "main.exit_signal": 24, "oom.kills": 0},
        {"episode.kind": "death", "limit.reached": "file-size"},
    )
