"""Memory, locks and open files: what each fault must be called, and what its look-alike must not."""

from __future__ import annotations

import pytest

from causes.usual import UNSAID
from holter.causes import verdicts
from holter.causes.cudnn_2d_host_leak import cudnn_release
from holter.causes.weigh import release
from holter.evidence import NAMES, Evidence
from holter.records import Fact, Verdict

# "-" in a table below: the fact does not apply (nothing of that kind happened).
ABSENT = "-"

QUIET_DEATH = {"episode.kind": "death", "phase": "train", "exception.first": ABSENT, "exception.kind": ABSENT}
KILLED = {**QUIET_DEATH, "worker.exit_signal": 9, "main.exit_signal": ABSENT, "shm.trouble": ABSENT,
          "export.replaced": ABSENT, "echo.says": "training", "system.os": "linux",
          "software.batchgenerators": "0.25.5"}  # fmt: skip
RAISED = {"episode.kind": "death", "phase": "train", "exception.first": "Error: x", "exception.role": "train-worker",
          "exception.truncated_file": False, "worker.exit_signal": ABSENT, "main.exit_signal": ABSENT, "oom.kills": 0,
          "disk.error": ABSENT, "shm.trouble": ABSENT, "gpu.shared": ABSENT, "echo.says": "training",
          "system.os": "linux"}  # fmt: skip
STALL = {"episode.kind": "stall", "phase": "train", "main.waits_on": "batch-queue", "queue.ready": "empty",
         "workers.stopped": (), "workers.blocked": (), "activity.present": False, "oom.kills": 0,
         "worker.exit_signal": ABSENT, "exception.first": ABSENT, "exception.kind": ABSENT,
         "software.batchgenerators": "0.25.5"}  # fmt: skip
CREEP = {"episode.kind": "creep", "phase": "train", "system.os": "linux", "oom.kills": 0}
SLOW = {"episode.kind": "slow-down", "phase": "train", "workers.stopped": (), "wait.ratio": 0.7, "oom.kills": 0}

# What must be confirmed, alone and first: its facts.
CONFIRMED: dict[str, dict[str, object]] = {
    "ram-oom-train-worker": {**KILLED, "oom.kills": 1},
    "export-ram-oom": {**KILLED, "oom.kills": 1, "phase": "final-validation", "echo.says": "export"},
    "nested-threadpoolctl-fork-crash": {
        **KILLED, "worker.exit_signal": 11, "oom.kills": 0, "software.batchgenerators": "0.25.1",
        "workers.lock": ABSENT,
    },
    "threadpoolctl-version": {**RAISED, "exception.kind": "threadpoolctl", "software.threadpoolctl": "2.2.0"},
    "preprocess-worker-killed": {
        "episode.kind": "death", "oom.kills": 1, "echo.says": "preprocessing", "exception.first": ABSENT,
        "exception.kind": ABSENT, "worker.exit_signal": ABSENT, "system.os": "linux",
    },
    "windows-spawn-commit": {**RAISED, "exception.kind": "windows-commit", "system.os": "windows"},
    "cudnn-2d-host-leak": {
        **CREEP, "software.cudnn": "7605", "plan.configuration": "2d", "memory.grows_in": "main",
    },
    "fork-lock-deadlock": {**STALL, "workers.locked": ("w",), "workers.lock": "acquire (logging/__init__.py:900)"},
    "fd-exhaustion": {**RAISED, "exception.kind": "descriptors", "fds.used_ratio": 0.99, "fds.limit": 1024},
    "unpack-slow-or-oom": {**KILLED, "phase": "unpack", "oom.kills": 1, "progress.resumed": False,
                           "worker.exit_signal": ABSENT},
    "swap-thrash": {
        **SLOW, "swap.in_bytes_per_s": 3e7, "swap.out_bytes_per_s": 3e7, "pressure.memory": 0.4,
        "memory.used_ratio": 0.98, "cpu.system_ratio": 0.2,
    },
    "copy-on-read-growth": {
        **CREEP, "memory.private_growth_bytes_per_h": 4e8, "memory.shared_growth_bytes_per_h": -3.5e8,
        "memory.grows_in": "none",
    },
    "malloc-arena-retention": {
        **CREEP, "memory.arena_share": 0.8, "memory.arenas": 40, "memory.grows_in": "main",
        "memory.trim_freed_ratio": 0.35,
    },
    "cgroup-page-cache-pressure": {
        **SLOW, "memory.refaults_per_s": 9000.0, "memory.cache_ratio": 0.3, "memory.used_ratio": 0.99,
        "pressure.memory": 0.2, "workers.blocked": ("w",), "swap.in_bytes_per_s": ABSENT,
    },
    "kernel-time-reclaim": {
        **SLOW, "cpu.system_ratio": 0.7, "memory.direct_scans_per_s": 90000.0, "memory.compact_stalls_per_s": 40.0,
        "swap.in_bytes_per_s": ABSENT, "cpu.run_busy_ratio": 0.95, "workers.blocked": (), "workers.working": 6,
        "queue.ready": "empty", "cpu.throttled_ratio": ABSENT, "cpu.allocated_ratio": 1.0, "activity.present": True,
    },
}  # fmt: skip
# Its look-alikes: the facts that are different, and what then comes first (None: nothing is confirmed).
LOOK_ALIKES: list[tuple[str, dict[str, object], str | None]] = [
    ("ram-oom-train-worker", {"oom.kills": 0}, "worker-killed"),
    ("ram-oom-train-worker", {"phase": "final-validation", "echo.says": "export"}, "export-ram-oom"),
    ("ram-oom-train-worker", {"worker.exit_signal": 7}, None),
    ("export-ram-oom", {"oom.kills": 0}, "worker-killed"),
    ("export-ram-oom", {"phase": "train", "echo.says": "training"}, "ram-oom-train-worker"),
    ("nested-threadpoolctl-fork-crash", {"software.batchgenerators": "0.25.5"}, "worker-killed"),
    ("nested-threadpoolctl-fork-crash", {"worker.exit_signal": 9}, "worker-killed"),
    ("threadpoolctl-version", {"exception.kind": "other"}, "worker-exception"),
    ("threadpoolctl-version", {"software.threadpoolctl": "3.5.0"}, None),
    ("preprocess-worker-killed", {"phase": "train", "echo.says": "training"}, "ram-oom-train-worker"),
    ("windows-spawn-commit", {"system.os": "linux"}, "worker-exception"),
    ("windows-spawn-commit", {"exception.kind": "other"}, "worker-exception"),
    ("cudnn-2d-host-leak", {"software.cudnn": "8902"}, None),
    ("cudnn-2d-host-leak", {"plan.configuration": "3d_fullres"}, None),
    ("cudnn-2d-host-leak", {"memory.grows_in": "workers"}, None),
    ("fork-lock-deadlock", {"workers.locked": (), "workers.lock": ABSENT}, None),
    ("fork-lock-deadlock", {"queue.ready": "full", "main.waits_on": "native-call"}, None),
    ("fork-lock-deadlock", {"workers.stopped": ("w",)}, "frozen-worker"),
    ("fork-lock-deadlock", {"workers.lock": ABSENT}, None),
    ("fd-exhaustion", {"exception.kind": "other", "fds.used_ratio": 0.1}, "worker-exception"),
    ("fd-exhaustion", {"fds.used_ratio": 0.2}, None),
    ("unpack-slow-or-oom", {"phase": "train", "worker.exit_signal": 9}, "ram-oom-train-worker"),
    ("unpack-slow-or-oom", {"progress.resumed": True}, None),
    ("unpack-slow-or-oom", {"exception.kind": "other", "exception.first": "BrokenPipeError", "oom.kills": 0}, None),
    ("swap-thrash", {"swap.in_bytes_per_s": 0.0, "swap.out_bytes_per_s": 0.0}, None),
    ("swap-thrash", {"pressure.memory": 0.0}, None),
    ("copy-on-read-growth", {"memory.shared_growth_bytes_per_h": 0.0}, None),
    ("copy-on-read-growth", {"memory.private_growth_bytes_per_h": 0.0}, None),
    ("malloc-arena-retention", {"memory.trim_freed_ratio": 0.0}, None),
    ("malloc-arena-retention", {"memory.grows_in": "workers"}, None),
    ("cgroup-page-cache-pressure", {"memory.refaults_per_s": 0.0, "storage.latency_s": 2.0, "pressure.memory": 0.0,
                                    "main.waits_on": "batch-queue"}, "slow-storage"),
    ("cgroup-page-cache-pressure", {"memory.cache_ratio": 0.02}, None),
    ("kernel-time-reclaim", {"memory.direct_scans_per_s": 0.0, "memory.compact_stalls_per_s": 0.0}, None),
    ("kernel-time-reclaim", {"cpu.system_ratio": 0.1}, None),
]  # fmt: skip
# What one sentence of a bare log, or one version, must make likely on its own.
TELLING: list[tuple[str, dict[str, object]]] = [
    ("secondary-worker-message", {"echo.says": "training"}),
    ("export-ram-oom", {"echo.says": "export"}),
    ("export-ram-oom", {"echo.says": "prediction"}),
    ("preprocess-worker-killed", {"echo.says": "preprocessing"}),
    ("ram-oom-train-worker", {"phase": "train", "oom.kills": 1}),
    ("ram-oom-train-worker", {"phase": "train", "exception.kind": "memory"}),
    ("threadpoolctl-version", {"exception.kind": "threadpoolctl"}),
    ("fd-exhaustion", {"exception.kind": "descriptors"}),
    ("windows-spawn-commit", {"exception.kind": "windows-commit"}),
]


def judged(facts: dict[str, object]) -> dict[str, Verdict]:
    """Verdicts by cause, best first."""
    stated = {}
    for name, value in facts.items():
        assert name in NAMES
        absent = value == ABSENT
        stated[name] = Fact(
            name=name,
            value=None if absent else value,  # type: ignore[arg-type]
            status="not-applicable" if absent else "known",
        )
    return {verdict.cause: verdict for verdict in verdicts(Evidence(UNSAID | stated))}


def confirmed(facts: dict[str, object]) -> list[str]:
    return [name for name, verdict in judged(facts).items() if verdict.verdict == "confirmed"]


@pytest.mark.parametrize("cause", CONFIRMED)
def test_the_facts_of_a_cause_confirm_it_and_nothing_else(cause: str) -> None:
    assert confirmed(CONFIRMED[cause]) == [cause]


@pytest.mark.parametrize(("cause", "different", "instead"), LOOK_ALIKES)
def test_a_look_alike_is_not_confirmed(cause: str, different: dict[str, object], instead: str | None) -> None:
    found = confirmed({**CONFIRMED[cause], **different})
    assert cause not in found
    assert found == ([] if instead is None else [instead])


@pytest.mark.parametrize(("cause", "facts"), TELLING)
def test_one_telling_fact_makes_it_likely_and_never_more(cause: str, facts: dict[str, object]) -> None:
    found = judged({"episode.kind": "death", **facts})
    assert found[cause].verdict == "likely"
    assert next(iter(found)) == cause
    assert confirmed({"episode.kind": "death", **facts}) == []


@pytest.mark.parametrize("cause", CONFIRMED)
def test_what_is_unknown_only_lowers(cause: str) -> None:
    whole = judged(CONFIRMED[cause])
    for forgotten in CONFIRMED[cause]:
        less = judged({name: value for name, value in CONFIRMED[cause].items() if name != forgotten})
        assert less[cause].score <= whole[cause].score, forgotten
        assert [name for name, verdict in less.items() if verdict.verdict == "confirmed" and name != cause] == []


@pytest.mark.parametrize(
    "known",
    [{"exception.first": "ValueError: x"}, {"worker.exit_signal": 9}, {"main.exit_signal": 15}, {"oom.kills": 1}],
)
def test_an_echo_is_no_cause_beside_an_exception_or_a_signal(known: dict[str, object]) -> None:
    found = judged({"episode.kind": "death", "echo.says": "training", **known})
    assert found["secondary-worker-message"].verdict == "excluded"


def test_an_echo_with_everything_else_absent_is_still_not_confirmed() -> None:
    found = judged({**QUIET_DEATH, "echo.says": "training", "worker.exit_signal": ABSENT, "main.exit_signal": ABSENT,
                    "oom.kills": 0})  # fmt: skip
    assert found["secondary-worker-message"].verdict == "likely"


def test_a_lost_result_and_its_reason_are_ranked_by_the_reason() -> None:
    hang = {"episode.kind": "stall", "phase": "final-validation", "main.waits_on": "export-result",
            "export.replaced": 1, "activity.present": False, "exception.kind": ABSENT, "echo.says": ABSENT,
            "worker.exit_signal": 9, "shm.trouble": ABSENT}  # fmt: skip
    assert confirmed({**hang, "oom.kills": 1}) == ["export-ram-oom"]
    assert confirmed({**hang, "oom.kills": 0}) == ["export-lost-result-hang"]


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
