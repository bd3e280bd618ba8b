"""data-workers-zero-fix: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.judge import judged
from causes.laws import ConfirmedLaws, LookAlike


class TestDataWorkersZeroFix(ConfirmedLaws):
    cause = "data-workers-zero-fix"
    confirmed_by = {
        "episode.kind": "slow-down", "workers.stopped": (), "workers.blocked": (), "workers.count": 0,
        "cpu.throttled_ratio": ..., "cpu.quota": ..., "cpu.allocated_ratio": 1.0, "gpu.throttled": ...,
        "setting.n_proc_da": 0.0, "wait.ratio": 0.7, "cpu.run_busy_ratio": 0.9, "workers.working": 0,
        "activity.present": True,
    }  # fmt: skip
    look_alikes = (
        # There are workers.
        LookAlike({"setting.n_proc_da": ...}),
    )  # fmt: skip


def test_a_wait_on_the_queue_of_workers_contradicts_having_none_only_where_none_were_looked_for():
    slow = {"episode.kind": "slow-down", "wait.ratio": 0.7}
    assert judged(**slow)["data-workers-zero-fix"].verdict == "possible"
    assert judged(**slow, main__waits_on="batch-queue")["data-workers-zero-fix"].verdict == "excluded"
    # The heartbeat calls every wait for a batch so.
    slow["activity.present"] = True
    known = judged(**slow, main__waits_on="batch-queue", setting__n_proc_da=0, workers__count=0)
    assert known["data-workers-zero-fix"].verdict == "confirmed"


def test_a_main_process_that_waits_for_a_server_does_not_lack_data_workers():
    facts = {
        "episode.kind": "stall", "setting.n_proc_da": 0.0, "workers.count": 0, "wait.ratio": 0.9,
        "activity.present": True,
    }  # fmt: skip
    assert judged(**facts)["data-workers-zero-fix"].verdict == "confirmed"
    stands = judged(**facts, main__stands_at="MyTrainer.upload (my_trainer.py:90)")
    assert stands["data-workers-zero-fix"].verdict == "excluded"
