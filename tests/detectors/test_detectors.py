"""Detectors on hand-made ticks: what they mark and, first, what they must leave alone."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest
from running import MAIN, OTHER, WORKER, Run, process

from holter import detectors
from holter.detectors import DETECTORS, Watch, detect
from holter.detectors.creep import CreepDetector
from holter.detectors.slow_down import SlowDownDetector
from holter.detectors.stall import FLOOR_S, StallDetector
from holter.detectors.starved import StarvedDetector
from holter.evidence.window import ready_to_run
from holter.records import (
    Beat,
    CgroupSample,
    Episode,
    EpochEnded,
    Event,
    ExceptionSeen,
    HostSample,
    PhaseChanged,
    ProcessEnded,
    ProcessSample,
    Tick,
)
from holter.reports.catalogue import phrase


def kinds(episodes: Iterable[Episode]) -> list[tuple[str, str]]:
    return [(episode.kind, episode.detector) for episode in episodes]


# ---------------------------------------------------------------------------------------------------- quiet cases


def test_a_steady_training_is_left_alone():
    assert detect(Run().go(600)) == ()


def test_a_pause_shorter_than_the_limit_is_left_alone():
    run = Run()
    assert detect([*run.go(60), *run.halt(9), *run.go(60)]) == ()


@pytest.mark.parametrize("phase", ["startup", "compile", "checkpoint", "final-validation", "unpack", "shutdown"])
def test_each_phase_may_be_silent_up_to_its_floor(phase):
    run = Run()
    ticks = [*run.go(30), *run.halt(int(FLOOR_S[phase]) - 3, phase=phase, cpu=0.1), *run.go(30)]
    assert not [episode for episode in detect(ticks) if episode.kind == "stall"]


@pytest.mark.parametrize(
    ("cpu", "state", "role", "alarms"),
    [(0.0, "S", "other", 1), (0.0, "D", "other", 0), (0.0, "R", "other", 0), (0.02, "S", "other", 0),
     (0.05, "R", "train-worker", 1), (0.1, "S", "train-worker", 0)],
)  # fmt: skip
@pytest.mark.parametrize("phase", ["compile", "unpack", "shutdown"])
def test_a_tree_that_does_nothing_at_all_is_told_sooner(phase, cpu, state, role, alarms):
    """A worker that polls its queue does nothing; an import or a write does, or waits in the kernel."""
    run = Run()
    ticks = list(run.go(30))
    for tick in run.halt(70, phase=phase, cpu=0.0):
        other = process(tick.t_s, OTHER, cpu=cpu, state=state, role=role)
        ticks.append(msgspec.structs.replace(tick, processes=(tick.processes[0], other)))
    assert len([episode for episode in detect(ticks) if episode.detector == "stall"]) == alarms


@pytest.mark.parametrize(("role", "ready_at", "alarms"), [
    ("pool-worker", (0, 1, 2, 3, 4), 0), ("export-worker", (0, 1, 2, 3, 4), 0),
    ("pool-worker", (0, 1, 3), 1), ("train-worker", (0, 1, 2, 3, 4), 1),
])  # fmt: skip
def test_a_pool_that_gets_hardly_any_cpu_is_at_work(role, ready_at, alarms):
    """Twenty programs on two CPUs left 0.05 of a core to each process that unpacked cases; it was always ready."""
    run = Run()
    ticks = list(run.go(30))
    for number, tick in enumerate(run.halt(110, phase="unpack", cpu=0.0)):
        pool = process(tick.t_s, OTHER, cpu=0.05, state="R" if number % 5 in ready_at else "S", role=role)
        ticks.append(msgspec.structs.replace(tick, processes=(tick.processes[0], pool)))
    assert len([episode for episode in detect(ticks) if episode.detector == "stall"]) == alarms


@pytest.mark.parametrize(("state", "alarms"), [("Z", 0), ("X", 0), ("S", 1)])
def test_a_main_process_that_has_just_ended_does_not_stand_still(state, alarms):
    """On a crowded machine its last steps took 98 s, always ready to run; the alarm came when it was a zombie."""
    run = Run()
    ticks = list(run.go(30))
    for number, tick in enumerate(run.halt(98, phase="shutdown", cpu=0.01)):
        main = process(tick.t_s, cpu=0.01, state="R" if number < 96 else state)
        ticks.append(msgspec.structs.replace(tick, processes=(main,)))
    assert len([episode for episode in detect(ticks) if episode.detector == "stall"]) == alarms


@pytest.mark.parametrize(("phase", "alarms"), [("startup", 1), ("unknown", 0)])
def test_a_program_of_no_known_phase_that_never_moved_on_may_sleep(phase, alarms):
    """A start can stand still; a script that imports batchgenerators and sleeps does nothing else."""
    ticks = [
        msgspec.structs.replace(
            tick, beats=tuple(msgspec.structs.replace(beat, progress_total=0) for beat in tick.beats)
        )
        for tick in Run().halt(400, phase=phase, cpu=0.0)
    ]
    assert len([episode for episode in detect(ticks) if episode.detector == "stall"]) == alarms


def test_a_busy_tree_without_progress_is_not_quiet():
    """A slow step on a CPU: nothing moves on, but somebody works."""
    run = Run()
    assert detect([*run.go(60), *run.halt(50, cpu=0.9), *run.go(30)]) == ()


def test_long_steps_are_learned():
    run = Run(step_s=20.0)
    assert detect([*run.go(600), *run.halt(60), *run.go(60)]) == ()


def test_a_gap_in_the_recording_says_nothing():
    run = Run()
    first = list(run.go(60))
    run.t_s += 3600  # the laptop was asleep
    assert detect([*first, *run.halt(8), *run.go(60)]) == ()


def test_everything_stopped_together_is_a_pause_of_the_user():
    run = Run()
    assert detect([*run.go(60), *run.halt(120, cpu=0.0, state="T"), *run.go(60)]) == ()


def test_an_orderly_end_is_no_death():
    run = Run()
    ends = tuple(
        ProcessEnded(t_s=61.0, pid=pid, role=role, exit_code=0, source="pidfd")
        for pid, role in ((WORKER, "train-worker"), (MAIN, "main"))
    )
    assert detect([*run.go(60), Tick(t_s=61.0, events=ends)]) == ()


@pytest.mark.parametrize(
    "event",
    [
        ProcessEnded(t_s=61.0, pid=MAIN, role="main", exit_signal=2),
        ProcessEnded(t_s=61.0, pid=MAIN, role="main", exit_code=130),
        ProcessEnded(t_s=61.0, pid=WORKER, role="train-worker", exit_signal=15),
        ProcessEnded(t_s=61.0, pid=WORKER, role="train-worker", exit_signal=9, by_parent=True),
        ProcessEnded(t_s=61.0, pid=OTHER, role="resource-tracker", exit_code=1),
        ExceptionSeen(t_s=61.0, pid=MAIN, role="main", error="RuntimeError", echo=True),
        ExceptionSeen(t_s=61.0, pid=MAIN, role="main", error="KeyboardInterrupt"),
    ],
    ids=lambda event: f"{type(event).__name__}-{event.role}",
)
def test_endings_that_were_asked_for_or_only_echo_are_left_alone(event: Event):
    run = Run()
    assert detect([*run.go(60), Tick(t_s=61.0, events=(event,))]) == ()


def test_unclear_endings_of_workers_before_the_log_says_done_are_left_alone():
    """An attached run on an old kernel: workers vanish, two seconds later the log says that training is done."""
    run = Run()
    gone = ProcessEnded(t_s=61.0, pid=WORKER, role="train-worker")
    done = PhaseChanged(t_s=63.0, phase="final-validation")
    ticks = [Tick(t_s=t, processes=(process(t),), events=()) for t in range(1, 61)]
    ticks += [Tick(t_s=61.0, processes=(process(61.0),), events=(gone,))]
    ticks += [Tick(t_s=63.0, processes=(process(63.0),), events=(done,))]
    ticks += [Tick(t_s=t, processes=(process(t),)) for t in range(64, 80)]
    assert detect(ticks) == ()
    del run


def test_scatter_of_the_runs_own_steps_is_no_slow_down():
    ticks: list[Tick] = []
    run = Run()
    for second in range(900):
        run.step_s = 0.4 if second % 3 else 0.6
        ticks += list(run.go(1))
    assert detect(ticks) == ()


# ----------------------------------------------------------------------------------------------------- loud cases


def test_a_standstill_of_a_quiet_tree_is_a_stall_within_twenty_seconds():
    run = Run()
    (episode,) = detect([*run.go(60), *run.halt(40)])
    assert (episode.kind, episode.detector, episode.phase) == ("stall", "stall", "train")
    assert episode.alarm_s - 60 <= 12
    assert abs(episode.start_s - 60) <= 1
    assert episode.end_s is None


def test_a_stall_ends_when_the_training_moves_on():
    run = Run()
    (episode,) = detect([*run.go(60), *run.halt(40), *run.go(5)])
    assert episode.end_s is not None
    assert 100 <= episode.end_s <= 102


def test_a_main_thread_busy_in_one_step_is_a_stall_in_the_end():
    run = Run()
    (episode,) = detect([*run.go(60), *run.halt(90, cpu=1.0)])
    assert "busy in one and the same step" in phrase(episode.reason, "en")
    assert 119 <= episode.alarm_s <= 122


@pytest.mark.parametrize(("stands_s", "alarms"), [(110, 1), (80, 0)])
def test_workers_that_compute_and_bring_no_batch_are_a_stall_in_the_end(stands_s, alarms):
    """They spin in one place, and main waits; a batch that takes eighty seconds is no alarm."""
    run = Run()
    ticks = list(run.go(60))
    for tick in run.halt(stands_s):
        workers = [process(tick.t_s, WORKER, cpu=0.96, state="R"), process(tick.t_s, OTHER, cpu=0.95, state="R")]
        main = process(tick.t_s, cpu=0.06)
        beats = (run.beat(waits_for="train-batch"),)
        ticks.append(Tick(t_s=tick.t_s, processes=(main, *workers), beats=beats))
    found = [episode for episode in detect([*ticks, *run.go(5)]) if episode.detector == "stall"]
    assert len(found) == alarms
    assert all(
        "data workers are busy" in phrase(episode.reason, "en") and 149 <= episode.alarm_s <= 152 for episode in found
    )


@pytest.mark.parametrize(
    ("roles", "waits_for", "phase"),
    [
        (("other", "other"), "train-batch", "train"),
        (("train-worker", "other"), "none", "train"),  # an evaluation of the user's own, in processes
        (("train-worker", "train-worker"), "none", "epoch-end"),
    ],
)
def test_others_that_compute_while_main_waits_for_them_are_no_busy_data_workers(roles, waits_for, phase):
    run = Run()
    ticks = list(run.go(60))
    for tick in run.halt(200, phase=phase):
        busy = [process(tick.t_s, pid, cpu=0.96, role=role) for pid, role in zip((WORKER, OTHER), roles, strict=True)]
        beats = (run.beat(phase, waits_for=waits_for),)
        ticks.append(Tick(t_s=tick.t_s, processes=(process(tick.t_s, cpu=0.06), *busy), beats=beats))
    assert [episode for episode in detect(ticks) if episode.detector == "stall"] == []


def test_one_stopped_worker_is_an_episode_although_the_training_goes_on():
    run = Run()
    episodes = detect([*run.go(60), *run.go(30, worker_state="T"), *run.go(10)])
    assert kinds(episodes) == [("stall", "frozen")]
    assert episodes[0].pid == WORKER
    assert episodes[0].alarm_s - 60 <= 8
    assert episodes[0].end_s is not None


def test_a_worker_in_a_debugger_is_held_and_one_below_strace_works():
    run = Run()
    episodes = detect([*run.go(60), *run.go(30, cpu=0.0, worker_state="t"), *run.go(10)])
    assert kinds(episodes) == [("stall", "frozen")]
    assert "held by a debugger (state t)" in phrase(episodes[0].reason, "en")
    assert detect([*run.go(60), *run.go(60, worker_state="t"), *run.go(10)]) == (), "it uses its CPU"


def test_one_incident_is_one_episode():
    """A stopped worker, the standstill that follows and the slow steps in its wake."""
    run = Run()
    ticks = [*run.go(120), *run.freeze(60), *run.go(60)]
    assert kinds(detect(ticks)) == [("stall", "frozen")]


def test_a_stall_that_outlasts_the_frozen_worker_is_told():
    run = Run()
    ticks = [*run.go(60), *run.freeze(30), *run.halt(60)]
    assert kinds(detect(ticks)) == [("stall", "frozen"), ("stall", "stall")]


def test_the_first_death_in_time_is_the_subject_and_the_mains_end_closes_it():
    run = Run()
    worker = ProcessEnded(t_s=60.5, pid=WORKER, role="train-worker", worker_index=3, exit_signal=9)
    main = ProcessEnded(t_s=61.5, pid=MAIN, role="main", exit_code=1)
    (episode,) = detect([*run.go(60), Tick(t_s=61.0, events=(worker,)), Tick(t_s=62.0, events=(main,))])
    assert episode.subject_name == "train-worker 3 (PID 11)"
    assert "SIGKILL" in phrase(episode.reason, "en")
    assert (episode.start_s, episode.end_s) == (60.5, 61.5)


def test_an_unclear_ending_of_a_worker_is_told_after_a_moment_if_the_hook_says_nothing_of_it():
    run = Run()
    gone = ProcessEnded(t_s=60.0, pid=WORKER, role="train-worker")
    episodes = detect([*run.go(60), Tick(t_s=60.0, events=(gone,)), *run.go(10)])
    (death,) = [episode for episode in episodes if episode.kind == "death"]
    assert "not known" in phrase(death.reason, "en")


@pytest.mark.parametrize(
    ("main", "subject"),
    [(None, None), ({"exit_code": 0}, None), ({}, None), ({"exit_code": 1}, "train-worker (PID 11)")],
)
def test_without_the_hook_a_worker_that_is_gone_is_told_only_with_the_failure_of_main(main, subject):
    """A DataLoader ends its workers after each epoch, a pool when it is closed; older kernels tell no endings."""
    gone = ProcessEnded(t_s=60.0, pid=WORKER, role="train-worker")
    ticks = [Tick(t_s=60.0, processes=(process(60.0),), events=(gone,))]
    ticks += [Tick(t_s=float(t), processes=(process(t),)) for t in range(61, 63 if main is not None else 75)]
    if main is not None:
        ticks += [Tick(t_s=63.0, events=(ProcessEnded(t_s=63.0, pid=MAIN, role="main", **main),))]
    assert [episode.subject_name for episode in detect(ticks)] == ([subject] if subject else [])


@pytest.mark.parametrize(("times", "within_s"), [(5.0, 25), (1.7, 75), (1.2, 200)])
def test_slower_steps_are_noticed_the_sooner_the_slower_they_are(times, within_s):
    run = Run(step_s=0.2)
    before = list(run.go(300))
    run.step_s *= times
    episodes = detect([*before, *run.go(300)])
    assert kinds(episodes) == [("slow-down", "slow-down")]
    assert episodes[0].alarm_s - 300 <= within_s


def test_a_slow_down_that_passes_is_closed():
    run = Run(step_s=0.2)
    before = list(run.go(200))
    run.step_s = 1.0
    slow = list(run.go(60))
    run.step_s = 0.2
    (episode,) = detect([*before, *slow, *run.go(120)])
    assert episode.end_s is not None


def test_a_few_slow_steps_before_a_standstill_are_no_slow_down():
    detector, run = SlowDownDetector(), Run()
    ticks = list(run.go(60))
    run.step_s = 0.9
    ticks += [*run.go(5), *run.halt(115, cpu=0.95)]  # of the workers: a loop without end in each
    assert not any(detector.see(tick) for tick in ticks)
    run.step_s = 20.0  # steps that do end are a slow-down, however long they are
    slow = [episode for tick in run.go(180) for episode in detector.see(tick)]
    assert [episode.detector for episode in slow] == ["slow-down"]


def test_a_log_alone_shows_slower_epochs():
    detector = SlowDownDetector()
    found: list[Episode] = []
    t_s = 0.0
    for epoch, duration in enumerate([170, 160, 161, 159, 160, 162, 300, 310, 305]):
        t_s += duration
        event = EpochEnded(t_s=t_s, epoch=epoch, duration_s=float(duration))
        found += detector.see(Tick(t_s=t_s, events=(event,)))
    assert kinds(found) == [("slow-down", "slow-down")]
    assert "305.0 s instead of 160" in phrase(found[0].reason, "en")


def test_waiting_for_batches_most_of_the_time_is_told_from_the_beginning():
    run = Run(wait=0.7)
    assert kinds(detect(run.go(300))) == [("slow-down", "starved")]
    assert detect(Run(wait=0.3).go(300)) == ()


def starved_after(run: Run, cpus: float, seconds: int = 100) -> float | None:
    group = CgroupSample(t_s=0.0, version="v2", effective_cpus=cpus)
    found = detect(msgspec.structs.replace(tick, cgroup=group) for tick in run.go(seconds))
    return next((episode.alarm_s for episode in found if episode.detector == "starved"), None)


def test_waiting_is_told_at_once_where_the_cpus_are_used_up():
    verdict_s = starved_after(Run(wait=0.7), cpus=2.0)
    assert verdict_s is not None
    assert verdict_s < 25  # eight steps of half a second for one worker and its queue, and a quarter of a minute
    assert starved_after(Run(wait=0.7), cpus=4.0) is None  # there is room: the first data may be slow to come
    assert starved_after(Run(wait=0.4), cpus=2.0) is None
    assert starved_after(Run(wait=0.7, step_s=5.0), cpus=2.0, seconds=50) is None  # still its first batches


def test_waiting_goes_on_through_validations():
    run = Run(wait=0.7)
    ticks = [tick for _ in range(5) for tick in (*run.go(40), *run.go(12, phase="validate"))]
    assert kinds(detect(ticks)) == [("slow-down", "starved")]


def test_growing_memory_is_told_with_the_time_that_is_left():
    detector = CreepDetector()
    found: list[Episode] = []
    host = HostSample(t_s=0, memory_total_bytes=16 << 30)
    for minute in range(90):
        t_s = minute * 60.0
        grown = process(t_s, rss_bytes=(2 << 30) + minute * (100 << 20))
        found += detector.see(Tick(t_s=t_s, host=host, processes=(grown,)))
    assert [episode.subject_name for episode in found] == ["memory"]
    assert "full in" in phrase(found[0].reason, "en")
    steady = CreepDetector()
    for minute in range(200):
        level = process(minute * 60.0, rss_bytes=(2 << 30) + (minute % 2) * (200 << 20))
        assert steady.see(Tick(t_s=minute * 60.0, host=host, processes=(level,))) == ()


def test_epochs_that_grow_all_the_time_are_told():
    detector = CreepDetector()
    found: list[Episode] = []
    for epoch in range(14):
        event = EpochEnded(t_s=epoch * 100.0, epoch=epoch, duration_s=100.0 + 6 * epoch)
        found += detector.see(Tick(t_s=epoch * 100.0, events=(event,)))
    assert [episode.subject_name for episode in found] == ["epoch time"]


def creep_of(times: Iterable[float]) -> list[Episode]:
    detector, found, t_s = CreepDetector(), [], 0.0
    for epoch, duration_s in enumerate(times):
        t_s += duration_s
        event = EpochEnded(t_s=t_s, epoch=epoch, duration_s=duration_s)
        found += detector.see(Tick(t_s=t_s, events=(event,)))
    return found


def begun(found: list[Episode]) -> list[Episode]:
    return [episode for episode in found if episode.end_s is None]


def slow_of(times: Iterable[float]) -> list[Episode]:
    return begun(changes_of(times))


def changes_of(times: Iterable[float]) -> list[Episode]:
    detector, found, t_s = SlowDownDetector(), [], 0.0
    for epoch, duration_s in enumerate(times):
        t_s += duration_s
        event = EpochEnded(t_s=t_s, epoch=epoch, duration_s=duration_s)
        found += detector.see(Tick(t_s=t_s, events=(event,)))
    return found


@pytest.mark.slow
def test_without_a_heartbeat_epochs_that_scatter_are_no_slow_down():
    """``holter attach``. Before, 28 such trainings of 300 epochs raised 25 alarms."""
    alarms = 0
    for seed in range(28):
        drawn = random.Random(seed)
        alarms += len(slow_of(60.0 * math.exp(drawn.gauss(0.0, (0.1, 0.2)[seed % 2])) for _ in range(300)))
    assert alarms <= 2


@pytest.mark.parametrize(("scatter", "times"), [(0.0, 1.15), (0.03, 1.25), (0.1, 1.8)])
def test_without_a_heartbeat_slow_epochs_are_seen_through_scatter(scatter, times):
    drawn = random.Random(3)
    usual = [60.0 * math.exp(drawn.gauss(0.0, scatter)) for _ in range(40)]
    assert len(slow_of([*usual[:25], *(times * each for each in usual[25:])])) == 1


@pytest.mark.parametrize("usual_s", [20.0, 60.0])
def test_without_a_heartbeat_an_early_slow_down_is_told_once(usual_s):
    """Before, in no training: soon the slow epochs were the usual ones. It ends only with the epochs of before."""
    for seed in range(12):
        drawn = random.Random(seed)
        until = int(12 * 60.0 / usual_s)
        scatter = 0.06 * math.sqrt(60.0 / usual_s)
        times = [usual_s * math.exp(drawn.gauss(0.0, scatter)) for _ in range(6 * until)]
        slower = [each * (1.3 if epoch >= until else 1.0) for epoch, each in enumerate(times)]
        assert len(begun(changes_of(slower))) == len(changes_of(slower)) == 1, seed
        found = changes_of([*slower, *times[: 2 * until]])
        assert [episode.end_s is None for episode in found] == [True, False], seed


def test_without_a_heartbeat_some_seconds_are_no_slow_down():
    """Before, nine alarms in a training whose epochs of a second were disturbed for six seconds ten times."""
    drawn = random.Random(0)
    times = [
        math.exp(drawn.gauss(0.0, 0.05)) * (2.0 if epoch % 200 in (100, 101, 102) else 1.0) for epoch in range(2000)
    ]
    assert slow_of(times) == []
    slower = slow_of([*times[:1000], *(1.3 * each for each in times[1000:])])
    assert len(slower) == 1
    assert slower[0].alarm_s - slower[0].start_s >= 180.0
    numbers = re.search(r"the last (\d+) epochs took (\S+) s instead of (\S+) s", phrase(slower[0].reason, "en"))
    assert numbers and int(numbers[1]) > 120 and numbers[2] == "1.3" and numbers[3] == "1.0"


@pytest.mark.parametrize("scatter", [0.05, 0.1, 0.2, 0.4])
def test_epochs_that_scatter_on_a_shared_machine_do_not_grow(scatter):
    """Before, 1000 such epochs raised up to 80 alarms: thirds of a dozen numbers often rise by chance."""
    drawn = random.Random(7)
    assert not creep_of(100.0 * math.exp(drawn.gauss(0.0, scatter)) for _ in range(1000))


def test_a_dozen_epochs_of_a_second_each_do_not_show_that_epochs_grow():
    """Real: a training with epochs of 0.4 s on a busy machine had five such alarms in three minutes."""
    for usual_s in (0.1, 0.4, 1.0):
        assert not creep_of(usual_s * (1.0 + 0.06 * epoch) for epoch in range(20))


def test_short_epochs_that_grow_for_minutes_are_told():
    found = creep_of(2.0 * (1.0 + 0.003 * epoch) for epoch in range(400))
    assert {episode.subject_name for episode in found} == {"epoch time"}
    assert "over the last " in phrase(found[0].reason, "en") and found[0].alarm_s - found[0].start_s >= 720.0


@pytest.mark.parametrize("scatter", [0.02, 0.05])
def test_growth_is_seen_through_some_scatter(scatter):
    drawn = random.Random(7)
    assert creep_of(100.0 * (1.0 + 0.06 * epoch) * math.exp(drawn.gauss(0.0, scatter)) for epoch in range(40))


@pytest.mark.parametrize("growth", [lambda epoch: 1.04**epoch, lambda epoch: 1.0 + 0.06 * epoch])
def test_growth_with_scatter_is_one_alarm(growth):
    """Before, up to seven: one noisy epoch ended the episode, and the next one opened it again."""
    for seed in range(24):
        drawn = random.Random(seed)
        found = creep_of(100.0 * growth(epoch) * math.exp(drawn.gauss(0.0, 0.05)) for epoch in range(60))
        assert len(begun(found)) == 1, seed


def test_growth_that_stops_ends_the_alarm():
    drawn = random.Random(3)
    times = [100.0 * 1.04 ** min(epoch, 30) * math.exp(drawn.gauss(0.0, 0.02)) for epoch in range(60)]
    assert [episode.end_s is None for episode in creep_of(times)] == [True, False]


@pytest.mark.parametrize("scatter", [0.1, 0.2])
def test_short_epochs_that_scatter_do_not_grow(scatter):
    for seed in range(12):
        drawn = random.Random(seed)
        assert not creep_of(math.exp(drawn.gauss(0.0, scatter)) for _ in range(1000))


def test_a_restart_is_not_measured_against_the_process_before():
    run = Run(step_s=0.2)
    before = list(run.go(120))
    again = Run(step_s=0.2)
    again.t_s = 150.0
    after = []
    for tick in again.go(120):
        beats = tuple(Beat(**{**{f: getattr(b, f) for f in b.__struct_fields__}, "pid": 99}) for b in tick.beats)
        main = ProcessSample(t_s=tick.t_s, pid=99, role="main", state="S", cpu_ratio=0.9)
        after.append(Tick(t_s=tick.t_s, processes=(main,), beats=beats))
    assert detect([*before, *after]) == ()


def test_every_detector_is_in_the_tuple_and_named_once():
    names = [detector.name for detector in DETECTORS]
    assert len(set(names)) == len(names)
    assert {StallDetector, SlowDownDetector, StarvedDetector, CreepDetector} < set(DETECTORS)
    assert Watch().episodes == ()


def test_many_workers_that_share_few_cpus_are_at_work_together():
    """Thirty-two workers with a fifth of a core each use all that six CPUs have: slow, but no standstill."""
    run = Run()
    ticks = list(run.go(60))
    group = CgroupSample(t_s=0.0, version="v2", effective_cpus=6.0)
    for tick in run.halt(60):
        crowd = tuple(process(tick.t_s, 100 + number, cpu=0.18) for number in range(32))
        main = process(tick.t_s, cpu=0.15)
        ticks.append(Tick(t_s=tick.t_s, processes=(main, *crowd), beats=tick.beats, cgroup=group))
    assert not [episode for episode in detect(ticks) if episode.detector == "stall"]


@pytest.mark.parametrize(("states", "alarms"), [("RRRRR", 0), ("RRRRD", 0), ("RRSRS", 1), ("RDDRD", 1), ("RDRDS", 1)])
def test_a_main_thread_that_is_always_ready_to_run_is_at_work_and_one_that_polls_is_not(states, alarms):
    """At a load of 45 on two CPUs a step of 20 s got a fifth of a core; idle workers that poll were often in R too.

    D: a page fault. The end of a training that got 4 % of what it asked for had one, and was taken for a stall.
    """
    run = Run()
    ticks = list(run.go(60))
    for number, tick in enumerate(run.halt(30)):
        main = process(tick.t_s, cpu=0.2, state=states[number % 5])
        ticks.append(Tick(t_s=tick.t_s, processes=(main, *tick.processes[1:]), beats=tick.beats))
    assert len([episode for episode in detect(ticks) if episode.detector == "stall"]) == alarms


@pytest.mark.parametrize(
    ("states", "part", "ready"),
    [("RRRRDDDDDS", 0.3, True), ("RRSSDDDDDS", 0.3, False), ("RRRRRRRRRD", 0.9, True), ("RRRRRDDDDD", 0.9, False)],
)
def test_waits_for_a_disk_make_no_process_less_ready_to_run(states: str, part: float, ready: bool) -> None:
    ticks = [Tick(t_s=float(t_s), processes=(process(t_s, state=state),)) for t_s, state in enumerate(states)]
    assert ready_to_run(ticks, part) == ({MAIN} if ready else set())


@pytest.mark.parametrize("started_s", [0.2, -3600.0])
def test_a_process_that_never_told_of_any_progress_cannot_stall(started_s):
    """It imports torch from a file server, say, or is no training at all: whether it should do more is not known."""
    ticks = []
    for second in range(1, 120):
        main = process(float(second), cpu=0.05, state="D", started_s=started_s)
        ticks.append(Tick(t_s=float(second), processes=(main,)))
    assert detect(ticks) == ()


@pytest.mark.parametrize(("failed", "alarms"), [(True, 1), (False, 0)])
def test_a_start_that_stands_still_after_a_workers_error_is_told_early(failed, alarms):
    """Its worker lives on and makes no batch; a start without an error may take three minutes."""
    ticks = []
    for second in range(1, 60):
        error = ExceptionSeen(t_s=float(second), pid=WORKER, role="train-worker", error="OSError", source="log")
        events = (error,) if failed and second == 12 else ()
        beat = Beat(t_s=float(second), pid=MAIN, phase="startup", progress_total=min(second, 10))
        seen = (process(float(second), cpu=0.0), process(float(second), pid=WORKER, role="train-worker", cpu=0.0))
        ticks.append(Tick(t_s=float(second), processes=seen, beats=(beat,), events=events))
    found = [episode for episode in detect(ticks) if episode.detector == "stall"]
    assert len(found) == alarms
    assert all(38 <= episode.alarm_s <= 42 for episode in found)


def test_cpu_use_that_was_not_measured_raises_no_alarm():
    run = Run()
    ticks = list(run.go(60))
    for tick in run.halt(60):
        unknown = tuple(ProcessSample(t_s=tick.t_s, pid=p.pid, role=p.role, state="S") for p in tick.processes)
        ticks.append(Tick(t_s=tick.t_s, processes=unknown, beats=tick.beats))
    assert detect(ticks) == ()


def test_a_worker_that_dies_while_another_is_frozen_is_a_story_of_its_own():
    run = Run()
    frozen = list(run.freeze(30))
    killed = ProcessEnded(t_s=run.t_s, pid=77, role="train-worker", worker_index=5, exit_signal=9)
    main = ProcessEnded(t_s=run.t_s + 1, pid=MAIN, role="main", exit_code=1)
    last = Tick(t_s=run.t_s + 1, events=(killed, main))
    assert ("death", "death") in kinds(detect([*frozen, last]))


def test_after_a_gap_one_look_at_a_stopped_worker_is_not_enough():
    run = Run()
    first = list(run.go(60))
    run.t_s += 600
    assert detect([*first, *run.freeze(3), *run.go(20)]) == ()


def test_a_worker_that_somebody_terminated_is_the_subject_and_not_the_echo_in_the_main_process():
    run = Run()
    ticks = list(run.go(60))
    worker = ProcessEnded(t_s=60.2, pid=WORKER, role="train-worker", exit_signal=15, source="pidfd")
    echo = ExceptionSeen(t_s=60.4, pid=MAIN, role="main", error="RuntimeError", echo=True)
    main = ProcessEnded(t_s=61.5, pid=MAIN, role="main", exit_code=1)
    (episode,) = detect([*ticks, Tick(t_s=61.0, events=(worker, echo)), Tick(t_s=62.0, events=(main,))])
    assert episode.subject_name == "train-worker (PID 11)"
    assert "SIGTERM" in phrase(episode.reason, "en")


@pytest.mark.parametrize("number", [1, 9, 15])
def test_a_signal_to_all_processes_ended_the_main_process_and_not_a_worker(number):
    run = Run()
    ticks = list(run.go(60))
    both = [
        ProcessEnded(t_s=61.0, pid=pid, role="train-worker", exit_signal=number, source="pidfd")
        for pid in (WORKER, OTHER)
    ]
    main = ProcessEnded(t_s=61.2, pid=MAIN, role="main", exit_signal=number, source="wait")
    (episode,) = detect([*ticks, Tick(t_s=61.5, events=(*both, main))])
    assert episode.subject_name == "main (PID 10)"


def test_workers_and_a_held_main_process_that_get_one_signal_are_the_end_of_the_main_process():
    run = Run()
    ticks = list(run.go(60))
    worker = ProcessEnded(t_s=61.0, pid=WORKER, role="train-worker", exit_signal=15, source="pidfd")
    main = ProcessEnded(t_s=63.0, pid=MAIN, role="main", exit_signal=15, source="wait")
    (episode,) = detect([*ticks, Tick(t_s=61.0, events=(worker,)), Tick(t_s=63.0, events=(main,))])
    assert episode.subject_name == "main (PID 10)"


def test_workers_that_an_interrupted_main_process_cleans_up_are_no_death():
    run = Run()
    ticks = list(run.go(60))
    seen = ProcessEnded(t_s=60.2, pid=WORKER, role="train-worker", exit_signal=15, source="pidfd")
    main = ProcessEnded(t_s=61.5, pid=MAIN, role="main", exit_code=130)
    assert detect([*ticks, Tick(t_s=61.0, events=(seen,)), Tick(t_s=62.0, events=(main,))]) == ()
    told = ProcessEnded(t_s=60.3, pid=WORKER, role="train-worker", exit_signal=15, source="hook", by_parent=True)
    failed = ProcessEnded(t_s=61.5, pid=MAIN, role="main", exit_code=1)
    (episode,) = detect([*ticks, Tick(t_s=61.0, events=(seen, told)), Tick(t_s=62.0, events=(failed,))])
    assert episode.subject_name == "main (PID 10)"


def test_an_unclear_ending_is_told_when_the_main_process_ends_right_after_it():
    """Attached, on a kernel that does not tell endings: nothing more will come."""
    ticks = [Tick(t_s=0.0, events=(PhaseChanged(t_s=0.0, phase="train", epoch=0),))]
    ticks += [Tick(t_s=float(t), processes=(process(t),)) for t in range(1, 60)]
    gone = ProcessEnded(t_s=60.0, pid=WORKER, role="train-worker")
    main = ProcessEnded(t_s=61.0, pid=MAIN, role="main")
    (episode,) = detect([*ticks, Tick(t_s=60.0, events=(gone,)), Tick(t_s=61.0, events=(main,))])
    assert episode.pid == WORKER


def test_the_rank_that_was_killed_is_the_subject_and_not_the_one_that_its_launcher_ends():
    ticks = [Tick(t_s=float(t), processes=(process(t), process(t, OTHER, role="main"))) for t in range(1, 60)]
    first = ProcessEnded(t_s=60.0, pid=MAIN, role="main", exit_signal=15)
    killed = ProcessEnded(t_s=60.0, pid=OTHER, role="main", exit_signal=9)
    (death,) = detect([*ticks, Tick(t_s=60.0, events=(first, killed))])
    assert (death.pid, phrase(death.reason, "en")) == (OTHER, "main process (PID 12) ended: SIGKILL")


def heard(t_s: float, role: str = "main") -> Tick:
    """A traceback in the console that five folds write to."""
    raised = ExceptionSeen(t_s=t_s, role=role, error="ValueError", message="of fold 3", source="log")
    return Tick(t_s=t_s, events=(raised,))


@pytest.mark.parametrize(
    ("role", "hooked", "end", "reason"),
    [
        ("main", True, {"exit_signal": 9}, "main process (PID 10) ended: SIGKILL"),
        ("main", True, {"exit_code": 1}, "main process raised ValueError: of fold 3"),
        ("main", False, {"exit_signal": 6}, "main process raised ValueError: of fold 3"),
        ("train-worker", False, {"exit_code": 1}, "worker raised ValueError: of fold 3"),
        ("export-worker", False, {"exit_code": 1}, "export worker raised ValueError: of fold 3"),
        ("other", False, {"exit_code": 1}, "main process (PID 10) ended: exit code 1"),
    ],
)
def test_a_traceback_in_the_console_tells_why_main_ended_only_where_it_may_be_mains_own(role, hooked, end, reason):
    run = Run()
    before = run.go(60) if hooked else [Tick(t_s=float(t), processes=(process(t),)) for t in range(1, 60)]
    main = ProcessEnded(t_s=80.0, pid=MAIN, role="main", **end)
    (death,) = [
        episode
        for episode in detect([*before, heard(61.0, role), Tick(t_s=80.0, events=(main,))])
        if episode.kind == "death"
    ]
    assert phrase(death.reason, "en") == reason


def test_a_traceback_of_another_fold_says_nothing_of_a_worker_that_was_killed():
    killed = ProcessEnded(t_s=80.0, pid=WORKER, role="train-worker", exit_signal=9)
    ticks = [Tick(t_s=float(t), processes=(process(t),)) for t in range(1, 60)]
    (death,) = detect([*ticks, heard(61.0), Tick(t_s=80.0, events=(killed,))])
    assert (death.start_s, death.subject_name) == (80.0, "train-worker (PID 11)")


def test_the_pause_between_two_epochs_is_not_taken_for_a_long_step():
    """Seen in a real run: five seconds of plotting between epochs had quadrupled into a limit of twenty."""
    run = Run(step_s=0.2)
    ticks = list(run.go(40))
    run.t_s += 4.5
    run.epoch = 2
    ticks += list(run.go(40))
    (episode,) = detect([*ticks, *run.halt(40)])
    assert episode.detector == "stall"
    assert episode.alarm_s - ticks[-1].t_s <= 12


def test_the_end_of_the_main_process_ends_every_episode():
    run = Run()
    ticks = [*run.go(60), *run.halt(30)]
    main = ProcessEnded(t_s=run.t_s + 1, pid=MAIN, role="main", exit_signal=9)
    episodes = detect([*ticks, Tick(t_s=run.t_s + 1, events=(main,))])
    assert {(episode.detector, episode.end_s) for episode in episodes} == {("stall", 91.0), ("death", 91.0)}


def test_every_detector_is_in_use() -> None:
    folder = Path(detectors.__file__).parent
    written = {
        name for file in folder.glob("*.py") for name in re.findall(r"^class (\w+Detector)\b", file.read_text(), re.M)
    }
    used = {detector.__name__ for detector in DETECTORS}
    assert written == used, "add it to DETECTORS in src/holter/detectors/__init__.py"
    assert len({detector.name for detector in DETECTORS}) == len(DETECTORS)


def test_a_worker_with_the_pid_of_one_that_vanished_while_it_stood_begins_anew() -> None:
    run = Run()
    ticks = [*run.go(60), *run.freeze(3)]
    alone = [msgspec.structs.replace(tick, processes=tick.processes[:1]) for tick in run.go(1000)]
    (now,) = run.freeze(1)
    assert [each.detector for each in detect([*ticks, *alone, now]) if each.detector == "frozen"] == []
