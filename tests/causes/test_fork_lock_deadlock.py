"""fork-lock-deadlock: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.laws import ConfirmedLaws, LookAlike


class TestForkLockDeadlock(ConfirmedLaws):
    cause = "fork-lock-deadlock"
    confirmed_by = {
        "episode.kind": "stall", "phase": "train", "main.waits_on": "batch-queue", "queue.ready": "empty",
        "workers.stopped": (), "workers.blocked": (), "activity.present": False, "oom.kills": 0,
        "worker.exit_signal": ..., "exception.first": ..., "exception.kind": ...,
        "software.batchgenerators": "0.25.5", "workers.locked": ("w",),
        "workers.lock": "acquire (logging/__init__.py:900)",
    }  # fmt: skip
    look_alikes = (
        LookAlike({"workers.locked": (), "workers.lock": ...}),
        LookAlike({"queue.ready": "full", "main.waits_on": "native-call"}),
        LookAlike({"workers.stopped": ("w",)}, "frozen-worker"),
        LookAlike({"workers.lock": ...}),
    )  # fmt: skip
