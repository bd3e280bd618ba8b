"""fork-lock-deadlock: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.laws import ConfirmedLaws, LookAlike
from holter.diagnosis.words import diagnosed, stated
from holter.evidence.text_facts import facts_of


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


def test_one_stack_of_a_main_thread_that_waits_makes_no_lock_likely() -> None:
    stack = (
        'Thread 4711 (idle): "MainThread"\n'
        "    __get_next_item (batchgenerators/dataloading/nondet_multi_threaded_augmenter.py:188)\n"
    )
    verdicts = {verdict.cause: verdict.verdict for verdict in diagnosed(stated(facts_of(stack))).verdicts}
    assert "likely" not in verdicts.values()
