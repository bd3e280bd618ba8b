"""Since when a program with a DataLoader stands between two batches with nobody at work, and how long it may."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from running import MAIN, OTHER, Run, process
from test_plain_programs import Plain

from holter.detectors import detect
from holter.detectors.progress import ProgressKeeper
from holter.detectors.stall import FLOOR_BETWEEN_S
from holter.detectors.standing import FLOOR_OF_NNUNET_S, FLOOR_S, TIMES_LONGEST_OF_NNUNET, StandingKeeper
from holter.records import ActionTaken, GpuSample, PhaseChanged, Tick

SECOND = 13  # PID of another rank


def seen(ticks: Iterable[Tick]) -> StandingKeeper:
    keeper = StandingKeeper()
    for tick in ticks:
        keeper.see(tick)
    return keeper


def stood_s(run: Plain, ticks: Iterable[Tick]) -> float:
    keeper = seen(ticks)
    return 0.0 if keeper.since_s is None else run.t_s - keeper.since_s


def with_main(ticks: Iterable[Tick], every_s: int = 5, **per_s: float) -> list[Tick]:
    """The main process with counters that are read every five seconds, and grow so much a second."""
    changed = []
    for tick in ticks:
        main, *others = tick.processes
        if int(tick.t_s) % every_s == 0:
            main = msgspec.structs.replace(main, **{name: int(tick.t_s * rate) for name, rate in per_s.items()})
        changed.append(msgspec.structs.replace(tick, processes=(main, *others)))
    return changed


def test_it_stands_since_nobody_works():
    run = Plain()
    assert stood_s(run, [*run.goes(), *run.pauses(700)]) == pytest.approx(700, abs=2)
    assert stood_s(run, [*run.goes()]) == 0
    run = Plain()
    assert stood_s(run, [*run.goes(), *run.pauses(700), *run.goes(5)]) == 0


@pytest.mark.parametrize(
    "per_s",
    [
        {"read_bytes_total": 100_000},
        {"read_bytes_total": 0, "write_bytes_total": 100_000},
        {"read_bytes_total": 0, "read_chars_total": 50_000},  # a file that is in memory already, to a slow server
        {"voluntary_switches_total": 1.2},  # bytes from memory to a slow server, or a try every second
    ],
)
def test_what_reads_writes_or_wakes_does_something(per_s: dict[str, float]):
    run = Plain()
    assert stood_s(run, [*run.goes(), *with_main(run.pauses(700), **per_s)]) < 10


def test_what_wakes_now_and_then_does_nothing():
    run = Plain()
    begin = run.goes()
    ticks = with_main(run.pauses(700), voluntary_switches_total=0.15, read_bytes_total=10, read_chars_total=2_000)
    assert stood_s(run, [*begin, *ticks]) > 680


@pytest.mark.parametrize(("cores", "least_s"), [(0.0, 690), (0.004, 690), (0.02, 0), (1.0, 0)])
def test_a_child_that_works_is_work(cores: float, least_s: float):
    run = Plain()
    begin = run.goes()
    ticks = [
        msgspec.structs.replace(tick, processes=(*tick.processes, process(tick.t_s, OTHER, cpu=cores, role="other")))
        for tick in run.pauses(700)
    ]
    assert (stood_s(run, [*begin, *ticks]) > 0) == (least_s > 0)


@pytest.mark.parametrize(("parent", "stands"), [(MAIN, False), (1, True)])
def test_a_child_that_wakes_may_send_something_and_a_launcher_does_not(parent: int, stands: bool):
    run = Plain()
    begin = run.goes()
    ticks = []
    for tick in run.pauses(700):
        switches = int(2 * tick.t_s) if int(tick.t_s) % 5 == 0 else None
        other = process(tick.t_s, OTHER, cpu=0.002, role="other", ppid=parent, voluntary_switches_total=switches)
        ticks.append(msgspec.structs.replace(tick, processes=(*tick.processes, other)))
    assert (stood_s(run, [*begin, *ticks]) > 600) == stands


def test_a_gpu_that_works_or_cannot_be_read_is_work():
    for ratio in (1.0, None):
        run = Plain()
        begin = run.goes()
        ticks = [
            msgspec.structs.replace(tick, gpus=(GpuSample(t_s=tick.t_s, index=0, name="GPU", utilization_ratio=ratio),))
            for tick in run.pauses(700)
        ]
        assert stood_s(run, [*begin, *ticks]) == 0


@pytest.mark.parametrize("state", ["T", "t", "D"])
def test_a_process_that_is_stopped_or_in_the_kernel_is_judged_elsewhere(state: str):
    run = Plain()
    begin = run.goes()
    ticks: list[Any] = []
    for tick in run.pauses(700):
        main, *others = tick.processes
        ticks.append(msgspec.structs.replace(tick, processes=(msgspec.structs.replace(main, state=state), *others)))
    assert stood_s(run, [*begin, *ticks]) == 0


def test_inside_next_and_before_the_first_batch_there_are_other_rules():
    run = Plain()
    assert stood_s(run, [*run.goes(), *run.waits(700)]) == 0
    run = Plain()
    assert stood_s(run, run.pauses(700)) == 0


def test_a_suspended_machine_begins_again():
    run = Plain()
    ticks = [*run.goes(), *run.pauses(400)]
    run.t_s += 3600
    assert stood_s(run, [*ticks, *run.pauses(100)]) == pytest.approx(100, abs=3)


def test_a_page_that_is_read_late_begins_nothing_again():
    run = Plain()
    begin, ticks = run.goes(), run.pauses(700)
    ticks[300] = msgspec.structs.replace(ticks[300], beats=())
    assert stood_s(run, [*begin, *ticks]) == pytest.approx(700, abs=2)
    run = Plain()
    begin, ticks = run.goes(), run.pauses(300)
    late = [msgspec.structs.replace(tick, beats=()) for tick in run.goes(5)]
    assert stood_s(run, [*begin, *ticks, *late, *run.pauses(100)]) < 105


def test_the_limit_grows_with_the_pauses_that_ended():
    run = Plain()
    ticks = [*run.goes(), *run.pauses(20), *run.goes(), *run.pauses(300), *run.goes(10)]
    keeper = seen(ticks)
    assert keeper.longest_s == pytest.approx(300, abs=3)
    assert keeper.limit_s == 20 * keeper.longest_s
    assert seen(Plain().goes()).limit_s == FLOOR_S


# ------------------------------------------------------------------------- nnU-Net, between two of its own steps


@pytest.mark.parametrize("phase", ["epoch-end", "checkpoint"])
def test_the_end_of_an_epoch_belongs_to_the_trainer_too(phase: str):
    """An upload of 75 s, as of a user: no alarm. One that does not end is an alarm in the end."""
    run = Run()
    assert detect([*run.go(60), *run.halt(75, phase=phase, cpu=0.0), *run.go(60)]) == ()
    run = Run()
    (episode,) = detect([*run.go(60), *run.halt(900, phase=phase, cpu=0.0)])
    assert episode.detector == "stall" and 0 <= episode.alarm_s - 60 - FLOOR_BETWEEN_S <= 3


def test_a_page_that_is_read_late_and_a_log_alone_change_nothing():
    run = Run()
    ticks = list(run.go(60))
    for number, tick in enumerate(run.halt(100, phase="epoch-end", cpu=0.0)):
        ticks.append(msgspec.structs.replace(tick, beats=()) if number % 7 == 6 else tick)
    assert detect(ticks) == ()
    without = [msgspec.structs.replace(tick, beats=()) for tick in (*run.go(60), *run.halt(75, cpu=0.0))]
    saves = PhaseChanged(t_s=without[60].t_s, phase="checkpoint", epoch=1)
    told = [*without[:60], msgspec.structs.replace(without[60], events=(saves,)), *without[61:]]
    assert detect(told) == (), "since the end of an epoch in the log"
    hangs = [msgspec.structs.replace(tick, beats=()) for tick in run.halt(int(FLOOR_BETWEEN_S), cpu=0.0)]
    (episode,) = detect([*told, *hangs])  # on_train_end: of this the log shows no more
    assert 0 <= episode.alarm_s - saves.t_s - FLOOR_BETWEEN_S <= 3


def test_what_holds_the_main_process_there_is_an_alarm_as_before():
    channels = ("request_wait_answer", "do_freezer_trap")
    for more in ({"state": "T"}, {"state": "D"}, *({"wait_channel": channel} for channel in channels)):
        run = Run()
        ticks = list(run.go(60))
        for tick in run.halt(60, phase="epoch-end", cpu=0.0):
            main, *others = tick.processes
            ticks.append(msgspec.structs.replace(tick, processes=(msgspec.structs.replace(main, **more), *others)))
        (episode,) = detect(ticks)
        assert episode.detector == "stall" and 30 <= episode.alarm_s - 60 <= 40, more


HELD = [{"state": "T"}, {"state": "D"}, {"wait_channel": "request_wait_answer"}, {"wait_channel": "do_freezer_trap"}]


def held(ticks: Iterable[Tick], **main: str) -> list[Tick]:
    """The same with a main process that something outside of it holds."""
    return [
        msgspec.structs.replace(
            tick, processes=(msgspec.structs.replace(tick.processes[0], **main), *tick.processes[1:])
        )
        for tick in ticks
    ]


@pytest.mark.parametrize("main", HELD)
def test_what_held_the_main_process_there_is_no_wait_of_its_own(main: dict[str, str]):
    """Storage, or a stop, holds it for 200 s in one epoch, and again in the next: both are alarms."""
    run = Run()
    ticks = [*run.go(60), *held(run.halt(200, phase="epoch-end", cpu=0.0), **main), *run.go(30)]
    keeper = ProgressKeeper()
    for tick in ticks:
        keeper.see(tick)
    assert keeper.longest_between_s <= 2 and max(keeper.steps) <= 2
    assert seen(ticks).limit_s == FLOOR_OF_NNUNET_S
    ticks += held(run.halt(60, phase="epoch-end", cpu=0.0), **main)
    first, second = detect(ticks)
    assert first.end_s is not None and 30 <= second.alarm_s - 290 <= 40


@pytest.mark.parametrize(("phase", "blocked_s"), [("epoch-end", 45), ("checkpoint", 150)])
def test_storage_that_is_always_slow_there_is_told_three_times(phase: str, blocked_s: int):
    run = Run()
    ticks = [*run.go(60)]
    for _ in range(6):
        ticks += [*held(run.halt(blocked_s, phase=phase, cpu=0.0), state="D"), *run.go(30)]
    assert len(detect(ticks)) == 3
    began_s = run.t_s
    ticks += held(run.halt(900, phase=phase, cpu=0.0), state="D")
    last = detect(ticks)[-1]
    assert last.alarm_s - began_s == pytest.approx(4 * blocked_s, abs=12), "it hangs this time"


def test_a_wait_of_which_storage_was_a_part_counts_without_it():
    run = Run()
    ticks = [*run.go(60), *run.halt(80, phase="epoch-end", cpu=0.0)]
    ticks += [*held(run.halt(20, phase="epoch-end", cpu=0.0), state="D"), *run.go(30)]
    assert seen(ticks).limit_s == pytest.approx(TIMES_LONGEST_OF_NNUNET * 80, abs=5)
    plain = Plain()
    ticks = [*plain.goes(), *held(plain.pauses(300), state="D"), *plain.goes(10)]
    assert seen(ticks).longest_s <= 3


@pytest.mark.parametrize(
    ("action", "counts", "step_counts"),
    [("replace-workers", False, False), ("save-checkpoint", True, False), ("announce-restart", True, True)],
)
def test_what_holter_did_there_is_no_wait_of_its_own(action: str, counts: bool, step_counts: bool):
    """A checkpoint that the hook reports between two steps is nnU-Net's; within a step it is Holter's."""
    run = Run()
    ticks = [*run.go(60), *run.halt(75, phase="epoch-end", cpu=0.0)]
    deed = ActionTaken(t_s=90.0, action=action, state="done", source="hook")
    ticks[90] = msgspec.structs.replace(ticks[90], events=(deed,))
    assert (seen([*ticks, *run.go(30)]).limit_s > FLOOR_OF_NNUNET_S) == counts
    run = Run()
    ticks = [*run.go(60), *run.halt(75, cpu=0.0)]
    ticks[90] = msgspec.structs.replace(ticks[90], events=(deed,))
    keeper = ProgressKeeper()
    for tick in (*ticks, *run.go(3)):
        keeper.see(tick)
    assert ((keeper.longest_step_s or 0.0) > 30) == step_counts


def test_a_step_in_which_the_training_was_stopped_is_as_long_as_without():
    run = Run()
    ticks = [*run.go(60), *held(run.halt(300, cpu=0.0), state="T"), *run.go(5)]
    keeper = ProgressKeeper()
    for tick in ticks:
        keeper.see(tick)
    assert keeper.longest_step_s is not None and keeper.longest_step_s <= 3
    stalls = [each for each in detect([*ticks, *run.halt(60, cpu=0.0)]) if each.detector == "stall"]
    assert 10 <= stalls[-1].alarm_s - 365 <= 15


def test_what_ended_by_itself_in_an_earlier_epoch_is_waited_for_longer():
    run = Run()
    ticks = [*run.go(60), *run.halt(200, phase="epoch-end", cpu=0.0), *run.go(30)]
    assert detect([*ticks, *run.halt(700, phase="epoch-end", cpu=0.0)]) == (), "four times as long as it took"
    run = Run()
    begin = list(run.go(60))
    assert seen(begin).limit_s == FLOOR_OF_NNUNET_S
    keeper = seen([*begin, *run.halt(75, phase="epoch-end", cpu=0.0), *run.go(30)])
    assert keeper.limit_s == pytest.approx(TIMES_LONGEST_OF_NNUNET * 75, abs=5)


def test_it_stands_there_since_nobody_works():
    run = Run()
    begin = list(run.go(60))
    assert stood_s(run, [*begin, *run.halt(75, phase="epoch-end", cpu=0.0)]) == pytest.approx(75, abs=3)
    assert stood_s(run, [*begin, *run.halt(75, phase="epoch-end", cpu=1.0)]) == 0
    run = Run()
    assert stood_s(run, [*run.go(60), *run.halt(75, phase="train", cpu=0.0)]) == 0, "that is a stall"


@pytest.mark.parametrize(
    ("ahead", "behind", "alarm_s"),
    [
        (("epoch-end", 1, "none"), ("validate", 1, "val-batch"), 30),  # a frozen worker of the second rank
        (("epoch-end", 1, "none"), ("validate", 1, "none"), 30),  # or it stands inside a step
        (("epoch-end", 1, "none"), ("epoch-end", 1, "none"), None),
        (("train", 2, "none"), ("checkpoint", 1, "none"), None),  # only one of them uploads
    ],
)
@pytest.mark.parametrize("first_is_ahead", [True, False])
def test_several_ranks_stand_where_the_one_behind_stands(ahead, behind, alarm_s, first_is_ahead: bool):
    """A rank that waits for the others at the end of an epoch does not wait of its own will."""
    run = Run()
    ticks = list(run.go(60))
    for tick in run.halt(75, cpu=0.0):
        (beat,) = tick.beats
        states = (ahead, behind) if first_is_ahead else (behind, ahead)
        beats = tuple(
            msgspec.structs.replace(beat, pid=pid, phase=phase, epoch=epoch, waits_for=waits)
            for pid, (phase, epoch, waits) in zip((MAIN, SECOND), states, strict=True)
        )
        second = process(tick.t_s, SECOND, cpu=0.0, role="main")
        ticks.append(msgspec.structs.replace(tick, beats=beats, processes=(*tick.processes, second)))
    found = [episode.alarm_s - 60 for episode in detect(ticks) if episode.detector == "stall"]
    if alarm_s is None:
        assert not found
    else:
        assert len(found) == 1 and found[0] <= alarm_s + 3
    assert (stood_s(run, ticks) > 0) == (alarm_s is None), "the notice says the same"
