"""Facts about growth, swapping, reclaim, locks, open files and echoes, from made ticks."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from holter.evidence import collect
from holter.records import (
    CgroupSample,
    Environment,
    Episode,
    ExceptionSeen,
    Fact,
    HostSample,
    LogLine,
    ProcessSample,
    Role,
    Tick,
)
from holter.reports.catalogue import phrase
from holter.tape import Recording
from holter.texts.secondary_errors import RAISED_BY
from holter.texts.training_log import LogParser

MB = 1 << 20
Size = Callable[[float], float]


def facts(ticks: list[Tick], kind: str = "creep", start_s: float | None = None) -> dict[str, Fact]:
    end_s = ticks[-1].t_s
    episode = Episode(kind=kind, phase="train", start_s=end_s if start_s is None else start_s, alarm_s=end_s)  # type: ignore[arg-type]
    recording = Recording(all_ticks=tuple(ticks), environment=Environment(wall_start=""))
    return {fact.name: fact for fact in collect(recording, episode).facts}


def sizes(**of: Size) -> list[Tick]:
    """An hour, a look every ten seconds: sizes of main and of two workers, in MB."""
    ticks = []
    for t_s in range(0, 3600, 10):
        processes = [
            ProcessSample(t_s=t_s, pid=pid, role=role, started_s=0.0, rss_bytes=int(of[name](t_s) * MB))
            for pid, (name, role) in enumerate(ROLES.items(), start=10)
            if name in of
        ]
        ticks.append(Tick(t_s=float(t_s), processes=tuple(processes)))
    return ticks


ROLES: dict[str, Role] = {"main": "main", "first": "train-worker", "second": "val-worker"}


@pytest.mark.parametrize(
    ("main", "worker", "where"),
    [
        (lambda t: 2000 + t, lambda t: 500, "main"),
        (lambda t: 2000, lambda t: 500 + t / 4, "workers"),
        (lambda t: 2000 + t, lambda t: 500 + t / 4, "both"),
        (lambda t: 2000, lambda t: 500, "none"),
        (lambda t: 2000 + 400 * (t % 60 < 30), lambda t: 500, "none"),  # goes up and down
        (lambda t: 2000 + 900 * (t > 3300), lambda t: 500, "none"),  # one step, and then no more
        (lambda t: 2000 + t / 100, lambda t: 500, "none"),  # 36 MB are nothing
    ],
)
def test_it_is_told_where_memory_rises_all_the_time(main: Size, worker: Size, where: str) -> None:
    found = facts(sizes(main=main, first=worker, second=worker))
    assert found["memory.grows_in"].value == where


def test_the_rate_of_growth_is_that_of_all_workers_together() -> None:
    found = facts(sizes(main=lambda t: 2000, first=lambda t: 500 + t / 36, second=lambda t: 500 + t / 36))
    assert found["memory.workers_growth_bytes_per_h"].value == pytest.approx(200 * MB, rel=0.02)
    assert found["memory.main_growth_bytes_per_h"].value == pytest.approx(0, abs=MB)


def test_a_recording_of_half_a_minute_tells_of_no_growth() -> None:
    found = facts(sizes(main=lambda t: 2000 + t)[:4])
    assert found["memory.grows_in"].status == "unknown"


def test_pages_that_change_hands_are_told_from_a_leak() -> None:
    looks = [
        Tick(
            t_s=t_s,
            processes=(
                ProcessSample(
                    t_s=t_s, pid=2, role="train-worker", started_s=0.0,
                    private_bytes=int(100e6 + t_s * 1e5), shared_bytes=int(900e6 - t_s * 1e5),
                ),
            ),
        )
        for t_s in (40.0, 340.0, 640.0)
    ]  # fmt: skip
    found = facts(looks)
    assert found["memory.private_growth_bytes_per_h"].value == pytest.approx(3.6e8)
    assert found["memory.shared_growth_bytes_per_h"].value == pytest.approx(-3.6e8)
    assert facts(looks[:1])["memory.private_growth_bytes_per_h"].status == "unknown"


@pytest.mark.parametrize(("in_arenas", "share"), [(450, 0.9), (0, 0.0)])
def test_growth_in_arenas_is_told_from_growth_elsewhere(in_arenas: int, share: float) -> None:
    looks = [
        Tick(
            t_s=t_s,
            processes=(
                ProcessSample(
                    t_s=t_s, pid=1, role="main", started_s=0.0, rss_bytes=2000 * MB + gained * 500 * MB,
                    malloc_arenas=30, malloc_arena_bytes=100 * MB + gained * in_arenas * MB,
                ),
            ),
        )
        for gained, t_s in ((0, 40.0), (1, 340.0))
    ]  # fmt: skip
    found = facts(looks)
    assert found["memory.arena_share"].value == pytest.approx(share)
    assert found["memory.arenas"].value == 30
    assert found["memory.trim_freed_ratio"].status == "unknown"


def hosts(seconds: int = 20, **growing: float) -> list[Tick]:
    """A machine with swap space; ``growing``: counters and their growth a second."""
    steady: dict[str, float] = {"cpu_busy_ratio": 0.9, "cpu_system_ratio": 0.6, "swap_total_bytes": 10**9}
    constants = {name: growing.pop(name) for name in list(growing) if name in steady}
    return [
        Tick(
            t_s=float(t_s),
            host=HostSample(
                t_s=float(t_s), **{**steady, **constants}, **{name: int(rate * t_s) for name, rate in growing.items()}
            ),  # type: ignore[arg-type]
        )
        for t_s in range(seconds)
    ]


def test_pages_that_come_back_from_swap_are_counted_a_second() -> None:
    found = facts(hosts(swap_in_pages_total=1000, swap_out_pages_total=10), "slow-down", 2.0)
    assert found["swap.in_bytes_per_s"].value == pytest.approx(1000 * 4096)
    assert found["swap.out_bytes_per_s"].value == pytest.approx(10 * 4096)


def test_without_swap_space_swapping_does_not_apply() -> None:
    found = facts(hosts(swap_total_bytes=0, swap_in_pages_total=0), "slow-down", 2.0)
    assert found["swap.in_bytes_per_s"].status == "not-applicable"


def test_a_kernel_that_makes_room_is_told_from_one_that_takes_little() -> None:
    found = facts(hosts(direct_scan_pages_total=5000, compact_stalls_total=20), "slow-down", 2.0)
    assert found["cpu.system_ratio"].value == pytest.approx(0.6667, abs=1e-3)
    assert found["memory.direct_scans_per_s"].value == pytest.approx(5000)
    assert found["memory.compact_stalls_per_s"].value == pytest.approx(20)
    quiet = facts(hosts(cpu_system_ratio=0.1, direct_scan_pages_total=5000), "slow-down", 2.0)
    assert quiet["memory.direct_scans_per_s"].status == "not-applicable"
    idle = facts(hosts(cpu_busy_ratio=0.01, cpu_system_ratio=0.01), "slow-down", 2.0)
    assert idle["cpu.system_ratio"].status == "not-applicable"


@pytest.mark.parametrize(
    ("limit", "used", "status"),
    [(1000 * MB, 990 * MB, "known"), (1000 * MB, 500 * MB, "not-applicable"), (None, 990 * MB, "not-applicable")],
)
def test_cache_counts_only_where_the_limit_is_reached(limit: int | None, used: int, status: str) -> None:
    ticks = [
        Tick(
            t_s=float(t_s),
            cgroup=CgroupSample(
                t_s=float(t_s), memory_limit_bytes=limit, memory_used_bytes=used, memory_file_bytes=300 * MB,
                refault_pages_total=2000 * t_s, pressure_memory_full_ratio=0.3,
            ),
        )
        for t_s in range(20)
    ]  # fmt: skip
    found = facts(ticks, "slow-down", 2.0)
    assert found["memory.refaults_per_s"].status == found["memory.cache_ratio"].status == status
    assert found["pressure.memory"].value == pytest.approx(0.3)
    if status == "known":
        assert found["memory.refaults_per_s"].value == pytest.approx(2000)
        assert found["memory.cache_ratio"].value == pytest.approx(0.3)
        assert found["memory.cache_dropped_ratio"].value == pytest.approx(0.0)


def test_cache_that_others_took_is_counted_from_when_they_took_it() -> None:
    ticks = [
        Tick(
            t_s=float(t_s),
            cgroup=CgroupSample(
                t_s=float(t_s), memory_limit_bytes=1000 * MB, memory_used_bytes=(600 if t_s < 40 else 990) * MB,
                memory_file_bytes=(300 if t_s < 40 else 90) * MB, refault_pages_total=max(0, t_s - 40) * 1500,
            ),
        )
        for t_s in range(60)
    ]  # fmt: skip
    found = facts(ticks, "slow-down", 45.0)
    assert found["memory.cache_dropped_ratio"].value == pytest.approx(0.7)
    assert found["memory.refaults_per_s"].value == pytest.approx(1500)


def locked(switches_per_s: float, channel: str = "futex_wait_queue", state: str = "S") -> list[Tick]:
    return [
        Tick(
            t_s=float(t_s),
            processes=(
                ProcessSample(t_s=float(t_s), pid=1, role="main", state="S"),
                ProcessSample(
                    t_s=float(t_s), pid=2, role="train-worker", state=state, wait_channel=channel, cpu_ratio=0.0,
                    voluntary_switches_total=int(500 + switches_per_s * t_s) if t_s % 5 == 0 else None, threads=4,
                ),
            ),
        )
        for t_s in range(20)
    ]  # fmt: skip


def test_a_worker_that_is_not_woken_once_is_locked() -> None:
    found = facts(locked(0.0), "stall", 1.0)
    assert found["workers.locked"].value == ("train-worker (PID 2)",)
    assert found["workers.lock"].status == "unknown"  # no stack was taken
    assert found["workers.threads"].value == 4


@pytest.mark.parametrize(
    "ticks",
    [
        locked(50.0),  # waits for room in its queue, 20 ms at a time
        locked(0.0, channel="folio_wait_bit_common"),
        locked(0.0, channel="futex_wait_queue", state="T"),
    ],
)
def test_a_worker_that_wakes_reads_or_is_stopped_is_not_locked(ticks: list[Tick]) -> None:
    assert facts(ticks, "stall", 1.0)["workers.locked"].value == ()


def test_two_seconds_are_too_short_to_call_a_worker_locked() -> None:
    found = facts(locked(0.0), "stall", 18.0)
    assert found["workers.locked"].status == "unknown"


def test_the_process_nearest_to_its_limit_of_open_files_counts() -> None:
    ticks = [
        Tick(
            t_s=float(t_s),
            processes=(
                ProcessSample(t_s=float(t_s), pid=1, role="main", fds=100 + 40 * t_s, fd_limit=1024),
                ProcessSample(t_s=float(t_s), pid=2, role="train-worker", fds=600, fd_limit=65536),
            ),
        )
        for t_s in range(0, 25, 5)
    ]
    found = facts(ticks, "death")
    assert found["fds.used_ratio"].value == pytest.approx(900 / 1024, abs=1e-3)
    assert (found["fds.limit"].value, found["fds.grown"].value) == (1024, 800)
    assert phrase(found["fds.used_ratio"].detail or "", "en") == "900 of 1024, main process (PID 1)"


PROCESS = ProcessSample(t_s=0.0, pid=1, role="main")
ECHO = "One or more background workers are no longer alive. Exiting."


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (ExceptionSeen(t_s=20.0, error="RuntimeError", message=ECHO, echo=True), "training"),
        (LogLine(t_s=20.0, text="RuntimeError: Some background workers are no longer alive"), "export"),
        (LogLine(t_s=20.0, text="Background workers died. Look for the error message further up! If"), "prediction"),
        (LogLine(t_s=20.0, text="Some background worker is 6 feet under. Yuck."), "preprocessing"),
        (LogLine(t_s=20.0, text="Epoch 4"), None),
        (ExceptionSeen(t_s=20.0, error="ValueError", message="bad"), None),
    ],
)
def test_an_echo_tells_which_part_said_it(event: LogLine | ExceptionSeen, said: str | None) -> None:
    ticks = [Tick(t_s=10.0, processes=(PROCESS,)), Tick(t_s=20.0, events=(event,), processes=(PROCESS,))]
    fact = facts(ticks, "death")["echo.says"]
    assert (fact.value, fact.status) == (said, "not-applicable" if said is None else "known")


@pytest.mark.parametrize(
    ("text", "kills"),
    [
        ("slurmstepd: error: Detected 3 oom-kill event(s) in step 17.batch. Some of your processes may have been", 3),
        ("slurmstepd: error: Detected 1 oom_kill event in StepId=17.batch.", 1),
        ("slurmstepd: error: *** JOB 17 ON node CANCELLED DUE TO TIME LIMIT ***", None),
    ],
)
def test_what_slurm_says_of_a_kill_counts_where_nothing_else_does(text: str, kills: int | None) -> None:
    line = LogLine(t_s=20.0, text=text, level="error")
    ticks = [Tick(t_s=10.0, processes=(PROCESS,)), Tick(t_s=20.0, events=(line,), processes=(PROCESS,))]
    fact = facts(ticks, "death")["oom.kills"]
    assert (fact.value, fact.status) == (kills, "unknown" if kills is None else "known")


@pytest.mark.parametrize("sentence", RAISED_BY)
def test_a_bare_line_of_a_console_reaches_the_fact(sentence: str) -> None:
    parser = LogParser(0.0, source="console")
    events = (*parser.feed([f"RuntimeError: {sentence}. Exiting.\n"], 20.0), *parser.idle(90.0))
    ticks = [Tick(t_s=10.0, processes=(PROCESS,)), Tick(t_s=20.0, events=events, processes=(PROCESS,))]
    assert facts(ticks, "death")["echo.says"].value == RAISED_BY[sentence]
