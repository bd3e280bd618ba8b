"""Causes in the machine around the training: what confirms each, what separates it from its look-alikes."""

from __future__ import annotations

import pytest

from causes.usual import UNSAID
from holter.causes import CAUSES, MODULES, verdicts
from holter.evidence import NAMES, Evidence
from holter.records import Fact, Verdict

SLOW = {"episode__kind": "slow-down", "workers__stopped": (), "workers__blocked": (), "workers__count": 6}
STALL = {"episode__kind": "stall", "workers__stopped": (), "workers__blocked": (), "main__alive": True}
DEATH = {
    "episode__kind": "death", "workers__stopped": (), "workers__blocked": (), "worker__exit_signal": ...,
    "main__exit_signal": ..., "disk__error": ..., "shm__trouble": ..., "gpu__shared": ..., "oom__kills": 0,
    "exception__truncated_file": False,
}  # fmt: skip
QUIET_CPUS = {"cpu__throttled_ratio": ..., "cpu__quota": ..., "cpu__allocated_ratio": 1.0, "gpu__throttled": ...}

# What decides for each cause, as a person or a recording would state it.
DECISIVE: dict[str, dict[str, object]] = {
    "affinity-clobbered": {
        **SLOW, **QUIET_CPUS, "affinity__narrowed": True, "workers__per_cpu_seen": 6.0, "wait__ratio": 0.8,
        "cpu__allocated_ratio": 0.06, "cpu__workers_per_cpu": 6.0, "cpu__run_busy_ratio": 0.95,
        "setting__pinning": "true", "activity__present": True,
    },
    "blosc2-io": {
        **DEATH, "exception__kind": "blosc2-version", "exception__role": "main", "exception__first": "RuntimeError",
        "system__os": "windows",
    },
    "concurrent-jobs-contention": {
        **SLOW, **QUIET_CPUS, "host__others_cpu_ratio": 0.55, "cpu__queue_ratio": 0.5, "wait__ratio": 0.6,
        "cpu__run_busy_ratio": 0.4, "trainings__others": 1, "step__times_usual": 1.8, "gpu__licence_stage": ...,
    },
    "data-workers-zero-fix": {
        **SLOW, **QUIET_CPUS, "setting__n_proc_da": 0.0, "workers__count": 0, "wait__ratio": 0.7,
        "cpu__run_busy_ratio": 0.9, "workers__working": 0, "activity__present": True,
    },
    "epoch-definition": {**SLOW, "batch__times_usual": 2.0, "batch__sample_times_usual": 1.0},
    "faulty-host-hardware": {
        **DEATH, "worker__exit_signal": 11, "hardware__kernel_errors": ("mce: [Hardware Error]: CPU 3",),
        "hardware__crash_signals": ("SIGBUS", "SIGSEGV"),
    },
    "fold-start-race": {
        **DEATH, "exception__kind": "splits", "exception__role": "main", "exception__first": "JSONDecodeError",
        "unpack__raced": True, "phase": "startup", "trainings__others": 2,
    },
    "huge-volume-cost": {
        **SLOW, **QUIET_CPUS, "plan__median_voxels": 4.4e8, "reading__share": 0.9, "wait__ratio": 0.95,
        "queue__ready": "empty", "cpu__run_busy_ratio": 0.9, "workers__working": 6, "activity__present": True,
    },
    "no-exit-after-finish": {
        **STALL, "finish__done": True, "finish__age_s": 95.0, "phase": "shutdown", "activity__present": False,
    },
    "not-stuck-output-hidden": {
        **STALL, "output__hidden": True, "progress__resumed": True, "progress__age_s": 2.0, "activity__present": True,
    },
    "page-cache-cold": {**SLOW, "epochs__shape": "decreasing", "cache__reads_late_ratio": 0.02},
    "plot-or-extra-hook-hang": {
        **STALL, "main__extra_step": "plot_network_architecture (nnUNetTrainer.py:570)", "main__state": "S",
        "phase": "startup", "activity__present": False,
    },
    "remote-fs-error": {
        **DEATH, "exception__kind": "remote-file-system", "exception__role": "train-worker",
        "exception__first": "OSError: [Errno 116] Stale file handle", "exception__file": "a.b2nd",
        "storage__fs_type": "nfs4", "workers__case": "a",
    },
    "spawn-respawn-each-epoch": {**SLOW, "workers__reborn_ratio": 1.0, "epochs__edge_ratio": 0.7},
    "thread-oversubscription": {
        **SLOW, **QUIET_CPUS, "workers__threads": 64, "workers__running_threads": 30.0, "cpu__run_busy_ratio": 0.99,
        "wait__ratio": 0.8, "queue__ready": "empty", "workers__working": 6, "activity__present": True,
    },
    "wsl2-limits": {
        **SLOW, "system__virtual_machine": "wsl", "storage__windows_drive": True, "storage__fs_type": "9p",
        "wait__ratio": 0.9, "workers__blocked": ("train-worker 1 (PID 7)",), "storage__latency_s": 0.9,
        "main__waits_on": "batch-queue",
    },
}  # fmt: skip

# One sentence that a person brings, and nothing else.
TELLING: dict[str, dict[str, object]] = {
    "blosc2-io": {"exception__kind": "blosc2-version"},
    "epoch-definition": {"batch__times_usual": 2.0, "batch__sample_times_usual": 1.0},
    "faulty-host-hardware": {"hardware__kernel_errors": ("mce: Machine check events logged",)},
    "fold-start-race": {"exception__kind": "splits"},
    "not-stuck-output-hidden": {"output__hidden": True},
    "page-cache-cold": {"epochs__shape": "decreasing"},
    "plot-or-extra-hook-hang": {"exception__kind": "plot"},
    "remote-fs-error": {"exception__kind": "remote-file-system"},
    "spawn-respawn-each-epoch": {"workers__reborn_ratio": 1.0},
}

# Look-alikes: evidence, the cause that must not be confirmed, the one that is true (if it is known here).
LOOK_ALIKES: tuple[tuple[str, dict[str, object], str | None], ...] = (
    # A run that has its CPUs busy by itself is not held up by others.
    ("concurrent-jobs-contention", {**DECISIVE["concurrent-jobs-contention"], "cpu__run_busy_ratio": 0.97}, None),
    # Others work, but nobody waits for a CPU: there are enough for all.
    ("concurrent-jobs-contention", {**DECISIVE["concurrent-jobs-contention"], "cpu__queue_ratio": 0.01}, None),
    # A GPU that is too hot explains slower steps, whatever the neighbours do.
    ("concurrent-jobs-contention", {**DECISIVE["concurrent-jobs-contention"], "gpu__throttled": True}, None),
    # One busy thread in each worker.
    (
        "thread-oversubscription",
        {**DECISIVE["thread-oversubscription"], "workers__threads": 3, "workers__running_threads": ...},
        "cpu-starved-augmentation",
    ),
    # Many threads that sleep hurt nobody.
    ("thread-oversubscription", {**DECISIVE["thread-oversubscription"], "workers__running_threads": 1.0}, None),
    # The mask was there when the training began.
    (
        "affinity-clobbered",
        {**DECISIVE["affinity-clobbered"], "affinity__narrowed": False},
        "few-cores-allocated",
    ),
    # Pinned on purpose: each worker has a CPU of its own.
    ("affinity-clobbered", {**DECISIVE["affinity-clobbered"], "workers__per_cpu_seen": 1.0}, None),
    # Workers compute, they do not read.
    ("huge-volume-cost", {**DECISIVE["huge-volume-cost"], "reading__share": 0.0}, "cpu-starved-augmentation"),
    ("huge-volume-cost", {**DECISIVE["huge-volume-cost"], "plan__median_voxels": 1e6}, None),
    # A crash of one kind, and nothing in the kernel log.
    (
        "faulty-host-hardware",
        {**DECISIVE["faulty-host-hardware"], "hardware__kernel_errors": (), "hardware__crash_signals": ("SIGSEGV",)},
        "worker-killed",
    ),
    # /dev/shm was full.
    (
        "faulty-host-hardware",
        {**DECISIVE["faulty-host-hardware"], "shm__trouble": "bus-error", "worker__exit_signal": 7},
        "shm-too-small",
    ),
    # Torn in the middle of the training, with another fold on the same data for hours.
    (
        "fold-start-race",
        {
            **DEATH, "exception__truncated_file": True, "exception__role": "train-worker", "unpack__raced": False,
            "exception__first": "RuntimeError: blosc2_schunk_open", "exception__kind": "other", "phase": "train",
            "exception__file": "a.b2nd", "storage__kernel_errors": (), "trainings__others": 1,
        },
        "truncated-preprocessed-file",
    ),
    # The validation is not complete.
    ("no-exit-after-finish", {**DECISIVE["no-exit-after-finish"], "finish__done": False, "finish__age_s": ...}, None),
    ("no-exit-after-finish", {**DECISIVE["no-exit-after-finish"], "activity__present": True}, None),
    # The console gets everything.
    (
        "not-stuck-output-hidden",
        {**DECISIVE["not-stuck-output-hidden"], "output__hidden": False, "cpu__throttled_ratio": ...,
         "gpu__licence_stage": ...},
        "not-stuck",
    ),
    # A real standstill behind a silent console.
    (
        "not-stuck-output-hidden",
        {**STALL, "output__hidden": True, "progress__resumed": False, "progress__age_s": 900.0,
         "activity__present": False},
        None,
    ),
    # An error of a local disk.
    ("remote-fs-error", {**DECISIVE["remote-fs-error"], "storage__fs_type": "ext4"}, None),
    # There are workers.
    ("data-workers-zero-fix", {**DECISIVE["data-workers-zero-fix"], "setting__n_proc_da": ...}, None),
    # Epochs fall, and as much is read as before.
    ("page-cache-cold", {**DECISIVE["page-cache-cold"], "cache__reads_late_ratio": 1.0}, None),
    # The same mount outside WSL.
    (
        "wsl2-limits",
        {**DECISIVE["wsl2-limits"], "system__virtual_machine": "none", "storage__windows_drive": ...,
         "storage__fs_type": "nfs4"},
        "slow-storage",
    ),
    # On a Windows drive, but steps do not wait for it.
    ("wsl2-limits", {**DECISIVE["wsl2-limits"], "wait__ratio": 0.05, "workers__blocked": ()}, None),
    ("spawn-respawn-each-epoch", {**DECISIVE["spawn-respawn-each-epoch"], "workers__reborn_ratio": 0.0}, None),
    ("spawn-respawn-each-epoch", {**DECISIVE["spawn-respawn-each-epoch"], "epochs__edge_ratio": 0.01}, None),
    ("plot-or-extra-hook-hang", {**DECISIVE["plot-or-extra-hook-hang"], "main__extra_step": ...}, None),
    ("epoch-definition", {**DECISIVE["epoch-definition"], "batch__sample_times_usual": 1.6}, None),
)  # fmt: skip


def judged(facts: dict[str, object]) -> dict[str, Verdict]:
    """Verdicts by cause, best first; ... means that a fact does not apply; the rest is unknown."""
    stated = {}
    for written, value in facts.items():
        name = written.replace("__", ".")
        assert name in NAMES
        missing = value is ...
        status = "not-applicable" if missing else "known"
        stated[name] = Fact(name=name, value=None if missing else value, status=status)  # type: ignore[arg-type]
    return {verdict.cause: verdict for verdict in verdicts(Evidence(UNSAID | stated))}


@pytest.mark.parametrize("cause", DECISIVE)
def test_the_decisive_evidence_confirms_this_cause_and_no_other(cause):
    found = judged(DECISIVE[cause])
    confirmed = [name for name, verdict in found.items() if verdict.verdict == "confirmed"]
    assert next(iter(found)) == cause
    assert confirmed == [cause]


@pytest.mark.parametrize("cause", DECISIVE)
def test_forgetting_any_fact_confirms_no_rival_and_raises_nothing(cause):
    whole = judged(DECISIVE[cause])[cause]
    for forgotten in DECISIVE[cause]:
        rest = {name: value for name, value in DECISIVE[cause].items() if name != forgotten}
        found = judged(rest)
        assert {name for name, one in found.items() if one.verdict == "confirmed"} <= {cause}, forgotten
        assert found[cause].score <= whole.score


@pytest.mark.parametrize("cause", TELLING)
def test_the_telling_sentence_alone_makes_it_likely_and_first(cause):
    found = judged(TELLING[cause])
    assert next(iter(found)) == cause
    assert found[cause].verdict == "likely"


@pytest.mark.parametrize("number", range(len(LOOK_ALIKES)), ids=lambda n: f"{n}-{LOOK_ALIKES[n][0]}")
def test_a_look_alike_is_not_confirmed(number):
    cause, facts, truth = LOOK_ALIKES[number]
    found = judged(facts)
    assert found[cause].verdict != "confirmed"
    assert [name for name, one in found.items() if one.verdict == "confirmed"] in ([], [truth])
    if truth is not None:
        assert next(iter(found)) == truth


@pytest.mark.parametrize("cause", DECISIVE)
def test_nothing_known_is_no_accusation(cause):
    assert (judged({})[cause].verdict, judged({})[cause].score) == ("possible", 0.0)


CRASHED = {**DEATH, "main__exit_signal": 6, "hardware__crash_signals": ("SIGABRT",), "hardware__kernel_errors": ()}


def test_one_crash_is_a_librarys_and_says_nothing_of_the_machine():
    found = judged({**CRASHED, "gpu__xid_kind": ..., "exception__first": ..., "exception__kind": ...})
    assert (next(iter(found)), found["native-crash"].verdict) == ("native-crash", "likely")
    assert found["faulty-host-hardware"].verdict == "excluded"
    reported = judged({**CRASHED, "hardware__kernel_errors": ("mce: [Hardware Error]: CPU 3",)})
    assert next(iter(reported)) == "faulty-host-hardware"


@pytest.mark.parametrize(
    "differs",
    [
        {"main__exit_signal": 9},
        {"exception__first": "RuntimeError: CUDA error", "exception__kind": "nccl-timeout"},
        {"episode__kind": "stall"},
    ],
)
def test_what_is_no_crash_of_a_library_is_not_called_one(differs):
    assert judged({**CRASHED, **differs})["native-crash"].verdict == "excluded"


def test_an_error_of_the_mount_while_writing_asks_nothing_of_the_data():
    facts = {**DEATH, "exception__kind": "mount-write", "exception__role": "main", "storage__fs_type": "ext4"}
    found = judged({**facts, "exception__first": "OSError: [Errno 5]"})
    assert (next(iter(found)), found["remote-fs-error"].verdict) == ("remote-fs-error", "likely")
    assert {finding.text for finding in found["remote-fs-error"].supports} == {"mount-refuses-write"}
    assert found["remote-fs-error"].against == ()


def test_a_file_that_vanishes_under_unpacking_is_another_process():
    facts = {"exception__kind": "unpack-race", "episode__kind": "death", "phase": "unpack"}
    alone, torn = judged(facts), judged({**facts, "unpack__rewritten": 2})
    assert next(iter(alone)) == next(iter(torn)) == "fold-start-race"
    assert torn["fold-start-race"].score >= alone["fold-start-race"].score
    assert judged({**facts, "unpack__raced": True})["fold-start-race"].verdict == "confirmed"


@pytest.mark.parametrize(("machine", "first"), [("wsl", "wsl2-limits"), ("none", "main-exception")])
def test_pinning_that_fails_is_a_limit_of_wsl_only_in_wsl(machine, first):
    facts = {**DEATH, "exception__kind": "pinned-memory", "exception__pinned_memory": True, "exception__role": "main"}
    found = judged({**facts, "exception__first": "RuntimeError", "system__virtual_machine": machine})
    assert next(iter(found)) == first


def test_every_cause_of_this_group_is_stated_here():
    mine = {module.CAUSE for module in MODULES if module.CAUSE in DECISIVE}
    assert mine == set(DECISIVE)
    assert set(DECISIVE) <= set(CAUSES)


def test_a_general_cause_yields_to_the_error_that_has_its_own():
    found = judged(DECISIVE["remote-fs-error"])
    assert found["worker-exception"].verdict == "likely"
    assert "its-kind-explains" in [finding.text for finding in found["worker-exception"].against]
