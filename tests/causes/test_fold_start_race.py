"""fold-start-race: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.judge import judged
from causes.laws import ConfirmedLaws, LikelyLaws, LookAlike


class TestFoldStartRace(ConfirmedLaws, LikelyLaws):
    cause = "fold-start-race"
    confirmed_by = {
        "episode.kind": "death", "workers.stopped": (), "workers.blocked": (), "worker.exit_signal": ...,
        "main.exit_signal": ..., "disk.error": ..., "shm.trouble": ..., "gpu.shared": ..., "oom.kills": 0,
        "exception.truncated_file": False, "exception.kind": "splits", "exception.role": "main",
        "exception.first": "JSONDecodeError", "unpack.raced": True, "phase": "startup", "trainings.others": 2,
    }  # fmt: skip
    likely_by = ({"exception.kind": "splits"},)  # fmt: skip
    look_alikes = (
        # Torn in the middle of the training, with another fold on the same data for hours.
        LookAlike({
            "exception.truncated_file": True, "exception.role": "train-worker", "unpack.raced": False,
            "exception.first": "RuntimeError: blosc2_schunk_open", "exception.kind": "other", "phase": "train",
            "exception.file": "a.b2nd", "storage.kernel_errors": (), "trainings.others": 1,
        }, "truncated-preprocessed-file"),
    )  # fmt: skip


def test_a_file_that_vanishes_under_unpacking_is_another_process():
    facts = {"exception.kind": "unpack-race", "episode.kind": "death", "phase": "unpack"}
    alone, torn = judged(facts), judged({**facts, "unpack.rewritten": 2})
    assert next(iter(alone)) == next(iter(torn)) == "fold-start-race"
    assert torn["fold-start-race"].score >= alone["fold-start-race"].score
    assert judged({**facts, "unpack.raced": True})["fold-start-race"].verdict == "confirmed"
