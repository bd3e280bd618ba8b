"""thread-oversubscription: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.laws import ConfirmedLaws, LookAlike


class TestThreadOversubscription(ConfirmedLaws):
    cause = "thread-oversubscription"
    confirmed_by = {
        "episode.kind": "slow-down", "workers.stopped": (), "workers.blocked": (), "workers.count": 6,
        "cpu.throttled_ratio": ..., "cpu.quota": ..., "cpu.allocated_ratio": 1.0, "gpu.throttled": ...,
        "workers.threads": 64, "workers.running_threads": 30.0, "cpu.run_busy_ratio": 0.99, "wait.ratio": 0.8,
        "queue.ready": "empty", "workers.working": 6, "activity.present": True,
    }  # fmt: skip
    look_alikes = (
        # One busy thread in each worker.
        LookAlike({"workers.threads": 3, "workers.running_threads": ...}, "cpu-starved-augmentation"),
        # Many threads that sleep hurt nobody.
        LookAlike({"workers.running_threads": 1.0}),
    )  # fmt: skip
