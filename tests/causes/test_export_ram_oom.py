"""export-ram-oom: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

import pytest

from causes.judge import judged
from causes.laws import ConfirmedLaws, LikelyLaws, LookAlike


class TestExportRamOom(ConfirmedLaws, LikelyLaws):
    cause = "export-ram-oom"
    confirmed_by = {
        "episode.kind": "death", "phase": "final-validation", "exception.first": ..., "exception.kind": ...,
        "worker.exit_signal": 9, "main.exit_signal": ..., "shm.trouble": ..., "export.replaced": ...,
        "echo.says": "export", "system.os": "linux", "software.batchgenerators": "0.25.5", "oom.kills": 1,
    }  # fmt: skip
    likely_by = (
        {"episode.kind": "death", "echo.says": "export"},
        {"episode.kind": "death", "echo.says": "prediction"},
    )
    look_alikes = (
        LookAlike({"oom.kills": 0}, "worker-killed"),
        LookAlike({"phase": "train", "echo.says": "training"}, "ram-oom-train-worker"),
    )  # fmt: skip


KILLED = {"episode.kind": "death", "oom.kills": 1}


def test_a_kill_that_nothing_ties_to_an_export_is_sooner_one_of_the_training():
    found = judged(**KILLED)
    assert next(iter(found)) == "ram-oom-train-worker"
    assert found["export-ram-oom"].verdict == "possible"


@pytest.mark.parametrize(
    "tells", [{"phase": "final-validation"}, {"echo.says": "export"}, {"export.replaced": 1}], ids=str
)
def test_a_kill_that_something_ties_to_an_export_is_likely_one_of_it(tells):
    assert judged(**KILLED, **tells)["export-ram-oom"].verdict == "likely"
