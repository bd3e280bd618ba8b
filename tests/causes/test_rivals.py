"""Look-alikes stated by hand: what must not be confirmed, and what separates it."""

from __future__ import annotations

import pytest

from holter.causes import verdicts
from holter.evidence import NAMES, Evidence
from holter.records import Fact, Verdict


def judged(**facts) -> dict[str, Verdict]:
    """Verdicts by cause; a value of ... means that the fact does not apply; the rest is unknown."""
    stated = {}
    for name, value in facts.items():
        name = name.replace("__", ".")
        assert name in NAMES
        missing = value is ...
        stated[name] = Fact(
            name=name, value=None if missing else value, status="not-applicable" if missing else "known"
        )
    return {verdict.cause: verdict for verdict in verdicts(Evidence(stated))}


NOBODY_DIED = {
    "worker__exit_signal": ...,
    "exception__role": ...,
    "exception__truncated_file": ...,
    "main__exit_signal": ...,
}


@pytest.mark.parametrize("number", [4, 6, 7, 8, 11])
def test_a_crash_of_the_main_process_is_no_kill_from_outside(number):
    found = judged(
        episode__kind="death", main__exit_signal=number, oom__kills=0, exception__first=..., worker__exit_signal=...
    )
    assert found["external-kill"].verdict == "excluded"


def test_a_main_process_killed_for_want_of_memory_says_so():
    found = judged(
        episode__kind="death", main__exit_signal=9, oom__kills=1, exception__first=..., worker__exit_signal=...
    )
    assert found["external-kill"].verdict == "confirmed"
    assert "oom-counted" in [finding.text for finding in found["external-kill"].supports]


def test_a_busy_main_thread_in_an_endless_step_is_not_called_healthy():
    found = judged(
        episode__kind="stall", activity__present=True, queue__ready="full", progress__resumed=False,
        workers__stopped=(), workers__blocked=(), main__alive=True, gpu__licence_stage=..., cpu__throttled_ratio=...,
        **NOBODY_DIED,
    )  # fmt: skip
    assert found["not-stuck"].verdict not in ("confirmed", "likely")


@pytest.mark.parametrize(
    "cause", ["cgroup-cpu-quota", "cpu-starved-augmentation", "few-cores-allocated", "slow-storage", "gpu-side-stall"]
)
def test_growing_memory_is_none_of_the_standstills(cause):
    found = judged(
        episode__kind="creep", cpu__quota=1.0, cpu__throttled_ratio=0.9, wait__ratio=0.9, cpu__run_busy_ratio=1.0,
        queue__ready="empty", workers__blocked=("w",), storage__latency_s=5.0, main__waits_on="native-call",
        cpu__allocated_ratio=0.1, cpu__workers_per_cpu=9.0,
    )  # fmt: skip
    assert found[cause].verdict == "excluded"


def test_a_death_on_an_unlicensed_vgpu_is_a_death():
    found = judged(
        episode__kind="death", gpu__virtualization="vgpu", gpu__licence_stage="unlicensed-restricted",
        gpu__licence_worsened=True, worker__exit_signal=9, export__replaced=...,
    )  # fmt: skip
    assert found["vgpu-unlicensed"].verdict == "excluded"
    assert found["worker-killed"].verdict == "confirmed"


def test_quota_and_allocation_are_told_apart_by_throttled_periods():
    common = {
        "episode__kind": "slow-down", "cpu__allocated_ratio": 0.25, "cpu__workers_per_cpu": 9.0,
        "cpu__run_busy_ratio": 0.98, "wait__ratio": 0.8, "workers__stopped": (), "activity__present": True,
        "workers__blocked": (), "main__waits_on": "batch-queue", "step__times_usual": 1.0, **NOBODY_DIED,
    }  # fmt: skip
    quota = judged(**common, cpu__quota=2.0, cpu__throttled_ratio=0.9)
    assert quota["cgroup-cpu-quota"].verdict == "confirmed"
    assert quota["few-cores-allocated"].verdict != "confirmed"
    mask = judged(**common, cpu__quota=..., cpu__throttled_ratio=...)
    assert mask["few-cores-allocated"].verdict == "confirmed"
    assert mask["cgroup-cpu-quota"].verdict == "excluded"
    assert mask["cpu-starved-augmentation"].verdict != "confirmed"


def test_starved_on_all_cpus_is_augmentation():
    found = judged(
        episode__kind="slow-down", cpu__allocated_ratio=1.0, cpu__workers_per_cpu=1.0, cpu__run_busy_ratio=0.95,
        wait__ratio=0.7, queue__ready="empty", workers__working=12, workers__stopped=(), workers__blocked=(),
        activity__present=True, cpu__throttled_ratio=..., cpu__quota=..., pressure__cpu=0.3, **NOBODY_DIED,
    )  # fmt: skip
    assert found["cpu-starved-augmentation"].verdict == "confirmed"
    assert [cause for cause, verdict in found.items() if verdict.verdict == "confirmed"] == ["cpu-starved-augmentation"]


def test_a_licensed_vgpu_and_pass_through_are_not_accused():
    for facts in (
        {"gpu__virtualization": "vgpu", "gpu__licence_stage": "licensed"},
        {"gpu__virtualization": "pass-through"},
    ):
        found = judged(episode__kind="stall", main__waits_on="native-call", queue__ready="full", **facts)
        assert found["vgpu-unlicensed"].verdict == "excluded"
