"""worker-killed: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.laws import ConfirmedLaws, LikelyLaws, LookAlike


class TestWorkerKilled(ConfirmedLaws, LikelyLaws):
    cause = "worker-killed"
    confirmed_by = {
        "episode.kind": "death", "phase": "train", "worker.exit_signal": 9, "oom.kills": 0, "shm.trouble": ...,
        "export.replaced": 0, "worker.fatal_frame": ..., "exception.first": ..., "exception.role": ...,
    }  # fmt: skip
    look_alikes = (
        LookAlike({"oom.kills": 1}, "ram-oom-train-worker"),
        # A traceback, and no signal.
        LookAlike(
            {"worker.exit_signal": ..., "exception.first": "ValueError: x", "exception.role": "train-worker"},
            "worker-exception",
            is_confirmed=False,
        ),
        # Somebody sent the signal to the whole training.
        LookAlike({"worker.exit_signal": 15, "worker.with_others": True}, "external-kill", is_confirmed=False),
        # SIGBUS, and /dev/shm is full.
        LookAlike({"worker.exit_signal": 7, "shm.trouble": "full"}),
        # A crash that this release of batchgenerators is known for.
        LookAlike({"worker.exit_signal": 11, "software.batchgenerators": "0.25.1"}),
    )  # fmt: skip
    # Nobody counted the kills of the kernel; a crash names no library.
    likely_by = (
        {"episode.kind": "death", "worker.exit_signal": 9},
        {"episode.kind": "death", "worker.exit_signal": 11},
    )
