"""worker-exception: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.laws import ConfirmedLaws, LikelyLaws, LookAlike


class TestWorkerException(ConfirmedLaws, LikelyLaws):
    cause = "worker-exception"
    confirmed_by = {
        "episode.kind": "death", "phase": "train", "exception.role": "train-worker", "exception.first": "ValueError: x",
        "workers.case": "case", "worker.exit_signal": ..., "disk.error": ..., "shm.trouble": ..., "exception.kind": ...,
    }  # fmt: skip
    look_alikes = (
        LookAlike({"exception.role": "main"}, "main-exception", is_confirmed=False),
        LookAlike({"exception.truncated_file": True}, "truncated-preprocessed-file"),
        LookAlike({"exception.kind": "descriptors"}, "fd-exhaustion", is_confirmed=False),
        # No traceback, a signal.
        LookAlike(
            {"worker.exit_signal": 9, "exception.role": None, "exception.first": None, "oom.kills": 0},
            "worker-killed",
            is_confirmed=False,
        ),
    )  # fmt: skip
    likely_by = ({"episode.kind": "death", "exception.role": "train-worker", "exception.first": "ValueError: x"},)
