"""ram-oom-train-worker: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.judge import judged
from causes.laws import ConfirmedLaws, LikelyLaws, LookAlike


class TestRamOomTrainWorker(ConfirmedLaws, LikelyLaws):
    cause = "ram-oom-train-worker"
    confirmed_by = {
        "episode.kind": "death", "phase": "train", "exception.first": ..., "exception.kind": ...,
        "worker.exit_signal": 9, "main.exit_signal": ..., "shm.trouble": ..., "export.replaced": ...,
        "echo.says": "training", "system.os": "linux", "software.batchgenerators": "0.25.5", "oom.kills": 1,
    }  # fmt: skip
    likely_by = (
        {"episode.kind": "death", "phase": "train", "oom.kills": 1},
        {"episode.kind": "death", "phase": "train", "exception.kind": "memory"},
    )
    look_alikes = (
        LookAlike({"oom.kills": 0}, "worker-killed"),
        LookAlike({"phase": "final-validation", "echo.says": "export"}, "export-ram-oom"),
        LookAlike({"worker.exit_signal": 7}),
    )  # fmt: skip


def test_somebody_elses_oom_kill_does_not_explain_a_standstill_in_which_nobody_died():
    stall = {"episode.kind": "stall", "phase": "train", "oom.kills": 1, "memory.used_ratio": 0.97}
    assert judged(**stall, worker__subject=...)["ram-oom-train-worker"].verdict == "excluded"
    victim = judged(**stall, worker__subject="train-worker 1 (PID 7)", worker__exit_signal=9)
    assert victim["ram-oom-train-worker"].verdict == "likely"
