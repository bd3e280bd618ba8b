"""slow-storage: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

import pytest

from causes.judge import judged

STARVED = {
    "episode.kind": "slow-down", "wait.ratio": 0.6, "storage.fs_type": "nfs4", "storage.latency_s": 0.05,
    "cpu.run_busy_ratio": 0.2, "main.waits_on": "batch-queue",
}  # fmt: skip


def test_waiting_with_idle_cpus_and_slow_reads_is_likely_the_storage_and_never_certain():
    found = judged(**STARVED)
    assert (next(iter(found)), found["slow-storage"].verdict) == ("slow-storage", "likely")
    assert found["data-workers-zero-fix"].verdict == "excluded"
    all_heard = {
        "workers.blocked": ..., "workers.stopped": (), "swap.in_bytes_per_s": 0.0, "memory.refaults_per_s": 0.0,
        "pressure.memory": 0.0, "system.virtual_machine": "none", "storage.windows_drive": ..., "pressure.io": 0.0,
    }  # fmt: skip
    assert judged(**{**STARVED, **all_heard})["slow-storage"].verdict == "likely"


@pytest.mark.parametrize(
    "other",
    [
        {"storage.latency_s": 0.004}, {"cpu.run_busy_ratio": 0.95}, {"wait.ratio": 0.25}, {"episode.kind": "stall"},
        {"workers.stopped": ("w",)}, {"workers.blocked": ()}, {"swap.in_bytes_per_s": 9e6},
    ],
    ids=str,
)  # fmt: skip
def test_one_of_these_being_otherwise_makes_slow_storage_no_more_than_possible(other):
    assert judged(**{**STARVED, **other})["slow-storage"].verdict in ("possible", "excluded")
