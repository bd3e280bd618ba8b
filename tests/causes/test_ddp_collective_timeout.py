"""ddp-collective-timeout: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.judge import confirmed, judged
from causes.laws import ConfirmedLaws, LikelyLaws, LookAlike


class TestDdpCollectiveTimeout(ConfirmedLaws, LikelyLaws):
    cause = "ddp-collective-timeout"
    confirmed_by = {
        "episode.kind": "stall", "gpu.licence_stage": ..., "gpu.throttled": ..., "gpu.shared": ...,
        "gpu.trouble": ..., "workers.stopped": (), "workers.blocked": (), "worker.exit_signal": ...,
        "setting.nccl_p2p": ..., "setting.compile": ..., "progress.resumed": False, "main.alive": True,
        "cpu.throttled_ratio": ..., "ddp.ranks": 2, "ddp.steps": 400, "activity.present": True,
        "ddp.behind": ("PID 12 (waits for train-batch)",),
    }  # fmt: skip
    likely_by = ({"episode.kind": "death", "exception.kind": "nccl-timeout"},)  # fmt: skip
    look_alikes = (
        LookAlike({"ddp.ranks": 1, "ddp.behind": ...}),
        LookAlike({"workers.stopped": ("train-worker 3 (PID 9)",)}, "frozen-worker"),
    )  # fmt: skip


def test_a_rank_that_is_behind_is_no_stall_of_the_gpu():
    facts = {
        **TestDdpCollectiveTimeout.confirmed_by,
        "main.waits_on": "native-call", "queue.ready": "full", "main.state": "S", "gpu.present": True,
        "wait.ratio": 0.0, "workers.working": 0, "ddp.behind": ("PID 12 (waits for train-batch)",),
    }  # fmt: skip
    assert confirmed(judged(facts)) == ["ddp-collective-timeout"]
    assert confirmed(judged({**facts, "ddp.behind": ..., "ddp.ranks": 1})) == ["gpu-side-stall"]
