"""nested-threadpoolctl-fork-crash: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.judge import judged
from causes.laws import ConfirmedLaws, LookAlike


class TestNestedThreadpoolctlForkCrash(ConfirmedLaws):
    cause = "nested-threadpoolctl-fork-crash"
    confirmed_by = {
        "episode.kind": "death", "phase": "train", "exception.first": ..., "exception.kind": ...,
        "worker.exit_signal": 11, "main.exit_signal": ..., "shm.trouble": ..., "export.replaced": ...,
        "echo.says": "training", "system.os": "linux", "software.batchgenerators": "0.25.1", "oom.kills": 0,
        "workers.lock": ...,
    }  # fmt: skip
    look_alikes = (
        LookAlike({"software.batchgenerators": "0.25.5"}, "worker-killed"),
        LookAlike({"worker.exit_signal": 9}, "worker-killed"),
    )  # fmt: skip


def test_a_version_is_no_cause_of_a_standstill_or_of_any_death():
    version = {"software.batchgenerators": "0.25.1", "oom.kills": 0, "exception.first": ...}
    for kind in ("stall", "death"):
        assert judged(episode__kind=kind, **version)["nested-threadpoolctl-fork-crash"].verdict == "possible"
    crash = judged(episode__kind="death", worker__exit_signal=11, **version)
    assert crash["nested-threadpoolctl-fork-crash"].verdict in ("likely", "confirmed")
