"""Facts that several causes explain, and what separates them."""

from __future__ import annotations

import pytest

from causes.circumstances import DIED, IDLE_JOB, NOBODY_DIED, SIGBUS, SLOWER
from causes.judge import confirmed, judged
from holter.causes import CAUSES, verdicts
from holter.causes.cudnn_2d_host_leak import cudnn_release
from holter.causes.weigh import release
from holter.evidence import Evidence


def test_nothing_is_more_than_possible_where_all_is_unknown() -> None:
    assert {verdict.verdict for verdict in verdicts(Evidence({}))} == {"possible"}


@pytest.mark.parametrize(
    ("written", "numbers"),
    [("7605", (7, 6, 5)), ("8902", (8, 9, 2)), ("90100", (9, 1, 0)), ("9.1.0.70", (9, 1, 0, 70))],
)
def test_versions_of_cudnn_are_read_however_they_are_written(written: str, numbers: tuple[int, ...]) -> None:
    assert cudnn_release(written) == numbers


def test_a_version_with_a_suffix_and_one_without_numbers_are_read() -> None:
    assert (release("2.1.0+cu118"), release("2.1rc1"), release("unknown")) == ((2, 1, 0), (2, 1), ())


def test_what_the_machine_never_had_and_what_was_not_counted_is_not_offered():
    found = judged({**SIGBUS, "system.container": "docker", "gpu.present": False, "echo.says": "training"})
    assert found["container-lost-gpu"].verdict == "excluded"
    assert found["ram-oom-train-worker"].verdict == "excluded"
    lost = {"episode.kind": "death", "exception.kind": "gpu-missing", "gpu.present": False, "gpu.trouble": "forbidden"}
    assert judged({**lost, "system.container": "docker"})["container-lost-gpu"].verdict == "confirmed"


RESTRICTED = {"episode.kind": "slow-down", "gpu.virtualization": "vgpu", "gpu.licence_stage": "unlicensed-restricted"}


def test_epoch_times_alone_make_their_causes_possible_and_a_licence_that_restricts_likely():
    found = judged({**RESTRICTED, "epochs.shape": "step-up"})
    assert found["vgpu-unlicensed"].verdict == "likely"
    late = judged({**RESTRICTED, "epochs.shape": "step-up", "epochs.minutes_to_change": 21.0})["vgpu-unlicensed"]
    assert late.score > found["vgpu-unlicensed"].score
    for shape, cause in (
        ("step-down", "concurrent-jobs-contention"), ("heavy-tail", "slow-storage"), ("drift-up", "swap-thrash"),
        ("drift-up", "gpu-thermal-or-power"), ("first-only", "page-cache-cold"),
    ):  # fmt: skip
        verdict = judged({"episode.kind": "slow-down", "epochs.shape": shape})[cause]
        assert verdict.verdict == "possible"
        assert verdict.score > 0


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


def test_quota_and_allocation_are_told_apart_by_throttled_periods():
    common = {
        "episode.kind": "slow-down", "cpu.allocated_ratio": 0.25, "cpu.workers_per_cpu": 9.0,
        "cpu.run_busy_ratio": 0.98, "wait.ratio": 0.8, "workers.stopped": (), "activity.present": True,
        "workers.blocked": (), "main.waits_on": "batch-queue", "step.times_usual": 1.0, **NOBODY_DIED,
    }  # fmt: skip
    quota = judged(**common, cpu__quota=2.0, cpu__throttled_ratio=0.9)
    assert quota["cgroup-cpu-quota"].verdict == "confirmed"
    assert quota["few-cores-allocated"].verdict != "confirmed"
    mask = judged(**common, cpu__quota=..., cpu__throttled_ratio=...)
    assert mask["few-cores-allocated"].verdict == "confirmed"
    assert mask["cgroup-cpu-quota"].verdict == "excluded"
    assert mask["cpu-starved-augmentation"].verdict != "confirmed"


@pytest.mark.parametrize(("trouble", "cause"), [("bus-error", "shm-too-small"), (..., "worker-killed")])
def test_a_bus_error_is_shared_memorys_only_where_that_was_full(trouble, cause):
    found = judged(**DIED, worker__exit_signal=7, shm__trouble=trouble, shm__used_ratio=0.97, storage__fs_type="ext4")
    assert confirmed(found) == [cause]


def test_a_bus_error_where_the_use_of_shared_memory_is_unknown_confirms_neither():
    found = judged(**DIED, worker__exit_signal=7)
    assert confirmed(found) == []


@pytest.mark.parametrize(
    ("throttled", "shared", "cause"),
    [
        (False, ..., "gpu-side-stall"),
        (True, ..., "gpu-thermal-or-power"),
        (False, "slow", "gpu-shared-or-zombie"),
    ],
)
def test_a_slow_gpu_is_told_by_its_clock_and_by_who_is_on_it(throttled, shared, cause):
    found = judged(**SLOWER, gpu__throttled=throttled, gpu__shared=shared)
    assert confirmed(found) == [cause]


def test_what_cannot_be_read_in_a_guest_confirms_no_cause_of_a_slow_gpu():
    found = judged(**SLOWER)
    assert confirmed(found) == []


@pytest.mark.parametrize("cause", [cause for cause in CAUSES if cause != "disk-full-or-quota"])
def test_a_training_that_cannot_be_saved_is_accused_of_nothing_else(cause):
    everything = {
        "workers.stopped": ("w",), "workers.blocked": ("w",), "wait.ratio": 0.9, "cpu.run_busy_ratio": 1.0,
        "progress.resumed": True, "activity.present": True, "gpu.shared": "slow", "gpu.throttled": True,
        "cpu.throttled_ratio": 0.9, "cpu.quota": 1.0, "cpu.allocated_ratio": 0.2, "cpu.workers_per_cpu": 8.0,
    }  # fmt: skip
    found = judged(episode__kind="unsaved", disk__error="full", **everything)
    assert found[cause].verdict not in ("confirmed", "likely")
    assert found["disk-full-or-quota"].verdict == "confirmed"


@pytest.mark.parametrize(
    ("cause", "more"),
    [
        ("few-cores-allocated", {}),
        ("affinity-clobbered", {"affinity.narrowed": True, "workers.per_cpu_seen": 6.0}),
        ("thread-oversubscription", {"workers.threads": 65, "workers.running_threads": 3.0}),
        ("data-workers-zero-fix", {"setting.n_proc_da": 0.0, "workers.count": 0}),
    ],
)
def test_where_nobody_computes_no_lack_of_cpus_holds_the_training_up(cause, more):
    assert judged(**{**IDLE_JOB, **more})[cause].verdict == "excluded"
