"""frozen-worker: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.laws import ConfirmedLaws, LikelyLaws, LookAlike


class TestFrozenWorker(ConfirmedLaws, LikelyLaws):
    cause = "frozen-worker"
    confirmed_by = {
        "episode.kind": "stall", "phase": "train", "workers.stopped": ("worker 1",),
        "results_loop.waits_on": "tensor-hand-over", "main.waits_on": "batch-queue", "queue.ready": "empty",
        "main.state": "S",
    }  # fmt: skip
    look_alikes = (
        LookAlike({"workers.stopped": (), "main.state": "T"}, "main-stopped"),
        LookAlike({"workers.stopped": (), "frozen.processes": ("worker 1",)}, "frozen-cgroup"),
        LookAlike(
            {"workers.stopped": (), "workers.blocked": ("worker 1",), "storage.pending_s": 20.0},
            "slow-storage",
            is_confirmed=False,
        ),
        # The process is gone.
        LookAlike(
            {"episode.kind": "death", "workers.stopped": (), "worker.exit_signal": 9, "oom.kills": 0},
            "worker-killed",
            is_confirmed=False,
        ),
    )  # fmt: skip
    likely_by = ({"workers.stopped": ("worker 1",)},)
