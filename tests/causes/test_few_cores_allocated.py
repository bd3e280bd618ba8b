"""few-cores-allocated: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.circumstances import CROWDED, IDLE_JOB
from causes.judge import judged


def test_few_cores_are_told_by_all_steps_and_not_by_one_stack():
    facts = {
        **CROWDED, "episode.kind": "slow-down", "cpu.allocated_ratio": 0.5, "cpu.workers_per_cpu": 3.0,
        "wait.ratio": 0.67, "main.waits_on": "native-call", "step.times_usual": 0.94, "cpu.run_busy_ratio": 0.8,
    }  # fmt: skip
    assert judged(facts)["few-cores-allocated"].verdict == "likely"


def test_an_allocation_is_no_cause_before_its_cpus_were_seen_busy():
    busy = {**IDLE_JOB, "activity.present": True, "episode.kind": "slow-down"}
    assert judged(**busy)["few-cores-allocated"].verdict == "possible"
    assert judged(**{**busy, "cpu.run_busy_ratio": 0.95})["few-cores-allocated"].verdict == "confirmed"
