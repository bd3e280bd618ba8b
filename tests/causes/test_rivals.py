"""Look-alikes stated by hand: what must not be confirmed, and what separates it."""

from __future__ import annotations

import pytest

from causes.usual import UNSAID
from holter.causes import CAUSES, verdicts
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
    return {verdict.cause: verdict for verdict in verdicts(Evidence(UNSAID | stated))}


NOBODY_DIED = {
    "worker__exit_signal": ...,
    "exception__role": ...,
    "exception__truncated_file": ...,
    "main__exit_signal": ...,
    "disk__error": ...,
    "shm__trouble": ...,
    "gpu__shared": ...,
    "gpu__throttled": ...,
}


@pytest.mark.parametrize("number", [4, 6, 7, 8, 11])
def test_a_crash_of_the_main_process_is_no_kill_from_outside(number):
    found = judged(
        episode__kind="death", main__exit_signal=number, oom__kills=0, exception__first=..., worker__exit_signal=...
    )
    assert found["external-kill"].verdict == "excluded"


def test_a_main_process_killed_for_want_of_memory_was_not_killed_from_outside():
    found = judged(
        episode__kind="death", phase="train", main__exit_signal=9, oom__kills=1, exception__first=...,
        exception__kind=..., worker__exit_signal=...,
    )  # fmt: skip
    assert found["ram-oom-train-worker"].verdict == "confirmed"
    assert found["external-kill"].verdict == "likely"
    assert "oom-counted" in [finding.text for finding in found["external-kill"].against]


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
        gpu__licence_worsened=True, worker__exit_signal=9, export__replaced=..., shm__trouble=..., oom__kills=0,
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


DIED = {"episode__kind": "death", "oom__kills": 0, "export__replaced": ...}


def test_no_space_left_is_the_disks_and_not_an_error_of_the_training():
    found = judged(
        **DIED, exception__role="main", exception__first="OSError: [Errno 28] No space left on device",
        disk__error="full", disk__full=True, shm__trouble=..., gpu__shared=..., worker__exit_signal=...,
    )  # fmt: skip
    assert found["disk-full-or-quota"].verdict == "confirmed"
    assert found["main-exception"].verdict == "likely"
    assert found["shm-too-small"].verdict == "excluded"


def test_another_error_while_the_disk_is_full_is_not_the_disks():
    found = judged(
        **DIED, exception__role="main", exception__first="ValueError: shape", exception__kind="other", disk__error=...,
        disk__full=True,
        shm__trouble=..., gpu__shared=..., worker__exit_signal=...,
    )  # fmt: skip
    assert found["disk-full-or-quota"].verdict == "excluded"
    assert found["main-exception"].verdict == "confirmed"


@pytest.mark.parametrize(("trouble", "cause"), [("bus-error", "shm-too-small"), (..., "worker-killed")])
def test_a_bus_error_is_shared_memorys_only_where_that_was_full(trouble, cause):
    found = judged(**DIED, worker__exit_signal=7, shm__trouble=trouble, shm__used_ratio=0.97, storage__fs_type="ext4")
    confirmed = {name for name, verdict in found.items() if verdict.verdict == "confirmed"}
    assert confirmed == {cause}


def test_a_bus_error_where_the_use_of_shared_memory_is_unknown_confirms_neither():
    found = judged(**DIED, worker__exit_signal=7)
    assert not any(verdict.verdict == "confirmed" for verdict in found.values())


SLOWER = {
    "episode__kind": "slow-down", "main__waits_on": "native-call", "queue__ready": "full", "queue__worker": "full",
    "step__times_usual": 3.0, "wait__ratio": 0.02, "gpu__present": True, "gpu__licence_stage": ...,
    "cpu__throttled_ratio": ..., "main__state": "S", "workers__stopped": (), "activity__present": True,
    "cpu__quota": ..., "cpu__allocated_ratio": 1.0, "workers__blocked": (),
}  # fmt: skip


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
    assert {name for name, verdict in found.items() if verdict.verdict == "confirmed"} == {cause}


def test_what_cannot_be_read_in_a_guest_confirms_no_cause_of_a_slow_gpu():
    found = judged(**SLOWER)
    assert not any(verdict.verdict == "confirmed" for verdict in found.values())


@pytest.mark.parametrize("shared", ["memory", ...])
def test_out_of_gpu_memory_is_others_only_where_they_hold_it(shared):
    found = judged(
        **DIED, exception__role="main", exception__first="OutOfMemoryError: CUDA out of memory",
        exception__kind="cuda-oom", gpu__zombie_bytes=0, gpu__mig=False,
        exception__cuda_oom=True, gpu__shared=shared, disk__error=..., shm__trouble=..., worker__exit_signal=...,
        gpu__throttled=...,
    )  # fmt: skip
    expected = "gpu-out-of-memory" if shared is ... else "gpu-shared-or-zombie"
    assert {name for name, verdict in found.items() if verdict.verdict == "confirmed"} == {expected}


@pytest.mark.parametrize("cause", [cause for cause in CAUSES if cause != "disk-full-or-quota"])
def test_a_training_that_cannot_be_saved_is_accused_of_nothing_else(cause):
    everything = {
        "workers__stopped": ("w",), "workers__blocked": ("w",), "wait__ratio": 0.9, "cpu__run_busy_ratio": 1.0,
        "progress__resumed": True, "activity__present": True, "gpu__shared": "slow", "gpu__throttled": True,
        "cpu__throttled_ratio": 0.9, "cpu__quota": 1.0, "cpu__allocated_ratio": 0.2, "cpu__workers_per_cpu": 8.0,
    }  # fmt: skip
    found = judged(episode__kind="unsaved", disk__error="full", **everything)
    assert found[cause].verdict not in ("confirmed", "likely")
    assert found["disk-full-or-quota"].verdict == "confirmed"


KILLED = {"episode__kind": "death", "oom__kills": 1}


def test_a_kill_that_nothing_ties_to_an_export_is_sooner_one_of_the_training():
    found = judged(**KILLED)
    assert next(iter(found)) == "ram-oom-train-worker"
    assert found["export-ram-oom"].verdict == "possible"


@pytest.mark.parametrize(
    "tells", [{"phase": "final-validation"}, {"echo__says": "export"}, {"export__replaced": 1}], ids=str
)
def test_a_kill_that_something_ties_to_an_export_is_likely_one_of_it(tells):
    assert judged(**KILLED, **tells)["export-ram-oom"].verdict == "likely"


STARVED = {
    "episode__kind": "slow-down", "wait__ratio": 0.6, "storage__fs_type": "nfs4", "storage__latency_s": 0.05,
    "cpu__run_busy_ratio": 0.2, "main__waits_on": "batch-queue",
}  # fmt: skip


def test_waiting_with_idle_cpus_and_slow_reads_is_likely_the_storage_and_never_certain():
    found = judged(**STARVED)
    assert (next(iter(found)), found["slow-storage"].verdict) == ("slow-storage", "likely")
    assert found["data-workers-zero-fix"].verdict == "excluded"
    all_heard = {
        "workers__blocked": ..., "workers__stopped": (), "swap__in_bytes_per_s": 0.0, "memory__refaults_per_s": 0.0,
        "pressure__memory": 0.0, "system__virtual_machine": "none", "storage__windows_drive": ..., "pressure__io": 0.0,
    }  # fmt: skip
    assert judged(**{**STARVED, **all_heard})["slow-storage"].verdict == "likely"


@pytest.mark.parametrize(
    "other",
    [
        {"storage__latency_s": 0.004}, {"cpu__run_busy_ratio": 0.95}, {"wait__ratio": 0.25}, {"episode__kind": "stall"},
        {"workers__stopped": ("w",)}, {"workers__blocked": ()}, {"swap__in_bytes_per_s": 9e6},
    ],
    ids=str,
)  # fmt: skip
def test_one_of_these_being_otherwise_makes_slow_storage_no_more_than_possible(other):
    assert judged(**{**STARVED, **other})["slow-storage"].verdict in ("possible", "excluded")


def test_a_wait_on_the_queue_of_workers_contradicts_having_none_only_where_none_were_looked_for():
    slow = {"episode__kind": "slow-down", "wait__ratio": 0.7}
    assert judged(**slow)["data-workers-zero-fix"].verdict == "possible"
    assert judged(**slow, main__waits_on="batch-queue")["data-workers-zero-fix"].verdict == "excluded"
    # The heartbeat calls every wait for a batch so.
    slow["activity__present"] = True
    known = judged(**slow, main__waits_on="batch-queue", setting__n_proc_da=0, workers__count=0)
    assert known["data-workers-zero-fix"].verdict == "confirmed"


# A job of few CPUs stands still, and nobody computes: every Slurm job looks so.
IDLE_JOB = {
    "episode__kind": "stall", "activity__present": False, "cpu__allocated_ratio": 0.06, "cpu__workers_per_cpu": 3.0,
    "cpu__run_busy_ratio": 0.02, "wait__ratio": 1.0, "step__times_usual": 90.0, "workers__stopped": (),
    "affinity__narrowed": False, "cpu__throttled_ratio": ..., "cpu__quota": ..., "workers__threads": 3,
}  # fmt: skip


@pytest.mark.parametrize(
    ("cause", "more"),
    [
        ("few-cores-allocated", {}),
        ("affinity-clobbered", {"affinity__narrowed": True, "workers__per_cpu_seen": 6.0}),
        ("thread-oversubscription", {"workers__threads": 65, "workers__running_threads": 3.0}),
        ("data-workers-zero-fix", {"setting__n_proc_da": 0.0, "workers__count": 0}),
    ],
)
def test_where_nobody_computes_no_lack_of_cpus_holds_the_training_up(cause, more):
    assert judged(**{**IDLE_JOB, **more})[cause].verdict == "excluded"


def test_an_allocation_is_no_cause_before_its_cpus_were_seen_busy():
    busy = {**IDLE_JOB, "activity__present": True, "episode__kind": "slow-down"}
    assert judged(**busy)["few-cores-allocated"].verdict == "possible"
    assert judged(**{**busy, "cpu__run_busy_ratio": 0.95})["few-cores-allocated"].verdict == "confirmed"


SPIN = {
    "episode__kind": "stall", "activity__present": True, "workers__stand_at": "Slow.apply (transforms.py:7)",
    "workers__stand_in": "python-loop", "wait__ratio": 1.0, "cpu__run_busy_ratio": 0.98, "workers__stopped": (),
    "cpu__allocated_ratio": 0.06, "cpu__workers_per_cpu": 3.0, "cpu__quota": 4.0, "cpu__throttled_ratio": 0.0,
    "affinity__narrowed": False, "workers__threads": 3, "workers__locked": (), "workers__blocked": (),
    "frozen__processes": (), "queue__ready": "empty",
}  # fmt: skip


@pytest.mark.parametrize(
    ("cause", "more"),
    [
        ("few-cores-allocated", {}),
        ("cgroup-cpu-quota", {"cpu__throttled_ratio": 0.9}),
        ("thread-oversubscription", {"workers__threads": 65, "workers__running_threads": 30.0}),
        (
            "concurrent-jobs-contention",
            {"host__others_cpu_ratio": 0.6, "cpu__queue_ratio": 0.5, "cpu__run_busy_ratio": 0.4},
        ),
    ],
)
def test_workers_that_spin_in_one_place_are_the_cause_and_not_the_cpus_they_use_up(cause, more):
    found = judged(**{**SPIN, **more})
    assert (next(iter(found)), found[cause].verdict) == ("workers-stand-still", "excluded")
    moving = judged(**{**SPIN, **more, "workers__stand_at": ..., "workers__stand_in": ...})
    assert moving[cause].verdict in ("likely", "confirmed")


def test_a_main_process_that_waits_for_a_server_does_not_lack_data_workers():
    facts = {
        "episode__kind": "stall", "setting__n_proc_da": 0.0, "workers__count": 0, "wait__ratio": 0.9,
        "activity__present": True,
    }  # fmt: skip
    assert judged(**facts)["data-workers-zero-fix"].verdict == "confirmed"
    stands = judged(**facts, main__stands_at="MyTrainer.upload (my_trainer.py:90)")
    assert stands["data-workers-zero-fix"].verdict == "excluded"


def test_a_version_is_no_cause_of_a_standstill_or_of_any_death():
    version = {"software__batchgenerators": "0.25.1", "oom__kills": 0, "exception__first": ...}
    for kind in ("stall", "death"):
        assert judged(episode__kind=kind, **version)["nested-threadpoolctl-fork-crash"].verdict == "possible"
    crash = judged(episode__kind="death", worker__exit_signal=11, **version)
    assert crash["nested-threadpoolctl-fork-crash"].verdict in ("likely", "confirmed")


@pytest.mark.parametrize(
    "facts",
    [
        {"episode__kind": "death", "wait__ratio": 0.9, "exception__first": "ValueError: x", "exception__kind": "other"},
        {"episode__kind": "slow-down"},
        {"episode__kind": "slow-down", "wait__ratio": 0.25, "workers__blocked": ()},
    ],
)
def test_data_on_a_windows_drive_explain_only_a_wait_for_them(facts):
    drive = {"system__virtual_machine": "wsl", "storage__windows_drive": True, "workers__stopped": ()}
    assert judged(**drive, **facts)["wsl2-limits"].verdict == "possible"
    waits = judged(**drive, episode__kind="slow-down", wait__ratio=0.4)
    assert waits["wsl2-limits"].verdict == "confirmed"


@pytest.mark.parametrize("kind", ["stall", "slow-down", "death"])
def test_a_small_slice_that_is_full_has_not_refused_anything(kind):
    slice_ = {"gpu__mig": True, "gpu__slice_bytes": 5e9, "gpu__memory_ratio": 0.95}
    assert judged(episode__kind=kind, **slice_)["mig-slice-too-small"].verdict == "possible"


@pytest.mark.parametrize(("asked", "verdict"), [(8e6, "confirmed"), (..., "likely")])
def test_memory_that_was_refused_without_its_size_may_have_been_more_than_there_is(asked, verdict):
    found = judged(
        episode__kind="death", memory__refused=True, memory__asked_bytes=asked, exception__kind="memory",
        exception__first="MemoryError: ",
    )  # fmt: skip
    assert found["memory-refused"].verdict == verdict


@pytest.mark.parametrize(("workers", "verdict"), [(12, "possible"), (0, "confirmed")])
def test_a_crash_of_main_is_of_read_only_data_only_where_main_transforms_them(workers, verdict):
    found = judged(
        episode__kind="death",
        data__read_only=True,
        main__exit_signal=11,
        worker__exit_signal=...,
        workers__count=workers,
    )
    assert found["read-only-data"].verdict == verdict


@pytest.mark.parametrize("sign", [{"activity__present": True}, {"workers__blocked": ("w",)}])
def test_slow_unpacking_explains_no_death(sign):
    facts = {"phase": "unpack", "progress__resumed": False, "exception__kind": ..., **sign}
    assert judged(episode__kind="stall", **facts)["unpack-slow-or-oom"].verdict == "confirmed"
    killed = judged(episode__kind="death", main__exit_signal=15, oom__kills=0, **facts)
    assert killed["unpack-slow-or-oom"].verdict in ("possible", "excluded")


@pytest.mark.parametrize(("busy", "verdict"), [(0.01, "excluded"), (0.3, "possible"), (0.9, "confirmed")])
def test_a_board_with_four_lanes_is_no_fault_while_its_link_is_hardly_used(busy, verdict):
    found = judged(**SLOWER, gpu__throttled=False, gpu__shared=..., gpu__pcie_ratio=0.25, gpu__pcie_busy_ratio=busy)
    assert found["pcie-link-degraded"].verdict == verdict


def test_somebody_elses_oom_kill_does_not_explain_a_standstill_in_which_nobody_died():
    stall = {"episode__kind": "stall", "phase": "train", "oom__kills": 1, "memory__used_ratio": 0.97}
    assert judged(**stall, worker__subject=...)["ram-oom-train-worker"].verdict == "excluded"
    victim = judged(**stall, worker__subject="train-worker 1 (PID 7)", worker__exit_signal=9)
    assert victim["ram-oom-train-worker"].verdict == "likely"


@pytest.mark.parametrize("exceptions", [..., None])
def test_exit_code_one_without_an_exception_says_something_only_where_exceptions_are_seen(exceptions):
    facts = {"episode__kind": "death", "worker__exit_code": 1, "worker__exit_signal": 0, "export__replaced": ...}
    seen = {"exception__first": exceptions} if exceptions is ... else {}
    assert judged(**facts, **seen)["worker-exited"].verdict == ("likely" if seen else "possible")
    other = judged(**{**facts, "worker__exit_code": 3}, exception__first=...)
    assert other["worker-exited"].verdict == "confirmed"


@pytest.mark.parametrize(
    "gpu", [{"gpu__licence_stage": "unlicensed-restricted"}, {"gpu__licence_stage": ..., "gpu__trouble": "lost"}]
)
def test_code_that_waits_for_a_throttled_or_lost_gpu_is_not_the_cause(gpu):
    stands = {
        "episode__kind": "stall", "main__stands_at": "read_loss (mine.py:9)", "main__stands_in": "native-loop",
        "main__waits_on": "python", "main__state": "R", "workers__stopped": (), "frozen__processes": (),
        "main__extra_step": ..., "storage__pending_s": 0.0, "disk__error": ..., "ddp__behind": ...,
        "finish__done": False, "main__alive": True, "gpu__present": True, "queue__ready": "full",
    }  # fmt: skip
    assert judged(**stands, **gpu)["main-stands-still"].verdict != "confirmed"
    healthy = judged(**stands, gpu__licence_stage=..., gpu__trouble=...)
    assert healthy["main-stands-still"].verdict == "confirmed"


def test_an_optional_step_beside_a_frozen_worker_is_not_confirmed():
    plot = {
        "episode__kind": "stall",
        "main__extra_step": "plot_progress_png",
        "main__state": "S",
        "workers__blocked": (),
    }
    assert judged(**plot, workers__stopped=())["plot-or-extra-hook-hang"].verdict == "confirmed"
    frozen = judged(**plot, workers__stopped=("train-worker 3 (PID 9)",))
    assert frozen["plot-or-extra-hook-hang"].verdict != "confirmed"
    assert next(iter(frozen)) == "frozen-worker"


def test_workers_whose_batches_find_no_shared_memory_starve_the_training_and_not_the_cpus():
    facts = {
        "episode__kind": "slow-down", "wait__ratio": 0.9, "cpu__run_busy_ratio": 1.0, "queue__ready": "empty",
        "workers__working": 2, "workers__stopped": (), "workers__blocked": (), "activity__present": True,
        "exception__kind": "shared-memory", "exception__first": "RuntimeError: unable to allocate shared memory(shm)",
        "shm__no_space": True, "shm__used_ratio": 1.0, "oom__kills": 0,
    }  # fmt: skip
    found = judged(**facts, shm__trouble="no-room")
    assert found["shm-too-small"].verdict == "confirmed"
    assert found["cpu-starved-augmentation"].verdict == "excluded"
    fine = judged(**{**facts, "exception__kind": ..., "exception__first": ..., "shm__no_space": ...}, shm__trouble=...)
    assert fine["cpu-starved-augmentation"].verdict in ("confirmed", "likely")
    assert fine["shm-too-small"].verdict == "excluded"
