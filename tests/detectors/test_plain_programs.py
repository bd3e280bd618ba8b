"""A program that is not nnU-Net and uses a DataLoader: what it does between batches is its own, beside each a fault."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import pytest
from running import MAIN, OTHER, WORKER, Run, process

from holter.detectors import detect
from holter.records import Episode, ExceptionSeen, Noted, ProcessEnded, Tick

SAMPLE_ERROR = "sample 21 broken"


class Plain(Run):
    """The same program, with the hook's note, the worker's own page, and the wait inside ``next()``."""

    def __init__(self) -> None:
        super().__init__(step_s=0.2)
        self.is_noted = False

    def ticks(self, ticks: Iterable[Tick], *, inside: bool = False, events: tuple[Any, ...] = ()) -> Iterator[Tick]:
        began_s = self.t_s
        for tick in ticks:
            note = () if self.is_noted else (Noted(t_s=tick.t_s, what="dataloader-training", pid=MAIN),)
            self.is_noted = True
            (beat,) = tick.beats
            wait = {"waits_for": "train-batch", "wait_began_s": began_s} if inside else {}
            worker = msgspec.structs.replace(beat, pid=WORKER, role="train-worker", phase="unknown", case="S[57]")
            beats = (msgspec.structs.replace(beat, **wait), worker)
            yield msgspec.structs.replace(tick, beats=beats, events=(*note, *events))
            events = ()

    def goes(self, seconds: int = 60, **more: Any) -> list[Tick]:
        return list(self.ticks(self.go(seconds), **more))

    def pauses(self, seconds: int, phase: str = "train", **more: Any) -> list[Tick]:
        return list(self.ticks(self.halt(seconds, phase=phase, cpu=0.0), **more))

    def waits(self, seconds: int, *, events: tuple[Any, ...] = (), **worker: Any) -> list[Tick]:
        halted = []
        for tick in self.ticks(self.halt(seconds, cpu=0.0), inside=True, events=events):
            hurt = process(0.0, WORKER, **{"cpu": 0.0, **worker})
            halted.append(msgspec.structs.replace(tick, processes=(tick.processes[0], hurt)))
        return halted


def told(ticks: Iterable[Tick]) -> list[tuple[str, str]]:
    return [(episode.kind, episode.detector) for episode in detect(ticks)]


# -------------------------------------------------------------------------------------------- what is no fault of it


@pytest.mark.parametrize("phase", ["train", "validate", "epoch-end"])
def test_time_between_two_batches_belongs_to_the_program(phase):
    run = Plain()
    assert told([*run.goes(), *run.pauses(900, phase), *run.goes()]) == []
    run = Run(step_s=0.2)  # nnU-Net's own rules
    assert told([*run.go(60), *run.halt(900, phase=phase, cpu=0.0)]) == [("stall", "stall")]


def test_a_slow_sample_is_waited_for():
    run = Plain()
    assert told([*run.goes(), *run.waits(190), *run.goes()]) == []
    busy = Plain()
    assert told([*busy.goes(), *busy.waits(190, cpu=1.0), *busy.goes()]) == []


def test_a_wait_begins_with_next_and_not_with_the_pause_before_it():
    run = Plain()
    assert told([*run.goes(), *run.pauses(600), *run.waits(100), *run.goes()]) == []


def test_slower_steps_and_repeated_pauses_are_its_own():
    run = Plain()
    ticks = run.goes()
    for _ in range(6):
        ticks += [*run.pauses(8), *run.goes(12)]
    run.step_s = 2.0
    assert told([*ticks, *run.goes(120)]) == []


def test_a_stopped_worker_that_nothing_waits_for_is_no_alarm():
    run = Plain()
    assert told([*run.goes(), *run.ticks(run.freeze(60)), *run.goes()]) == []


# ---------------------------------------------------------------------------------------------------- what is a fault


def test_a_stopped_worker_that_is_waited_for_is_told_at_once():
    run = Plain()
    (episode,) = detect([*run.goes(), *run.waits(12, state="T")])
    assert episode.detector == "frozen"
    assert episode.alarm_s <= run.t_s - 5


def test_a_stopped_main_process_is_told_wherever_it_was_stopped():
    run = Plain()
    ticks = run.goes()
    for tick in run.pauses(30):
        main, *others = tick.processes
        ticks.append(msgspec.structs.replace(tick, processes=(msgspec.structs.replace(main, state="T"), *others)))
    assert told([*ticks, *run.goes()]) == [("stall", "stall")]


def of_two(ticks: Iterable[Tick], stopped: int, *, other_cpu: float) -> Iterator[Tick]:
    """Add a second rank to ticks, and stop one of the two; the other one uses so much CPU."""
    for tick in ticks:
        beat, *others = tick.beats
        ranks = (
            process(
                tick.t_s,
                pid,
                role="main",
                cpu=0.0 if pid == stopped else other_cpu,
                state="T" if pid == stopped else "R",
            )
            for pid in (MAIN, OTHER)
        )
        beats = (beat, msgspec.structs.replace(beat, pid=OTHER), *others)
        yield msgspec.structs.replace(tick, processes=(*ranks, *tick.processes[1:]), beats=beats)


@pytest.mark.parametrize("stopped", [MAIN, OTHER])
@pytest.mark.parametrize("other_cpu", [0.0, 1.0], ids=["waits", "spins"])
def test_a_stopped_rank_is_told_whichever_it_is_and_whatever_the_other_one_does(stopped, other_cpu):
    run = Plain()
    began_s = run.goes()[-1].t_s
    (episode,) = detect([*Plain().goes(), *of_two(run.pauses(30), stopped, other_cpu=other_cpu)])
    assert (episode.kind, episode.pid) == ("stall", stopped)
    assert began_s + 10 <= episode.alarm_s <= began_s + 13


def test_a_rank_that_was_stopped_for_a_moment_or_beside_a_training_that_goes_on_is_no_stall():
    run = Plain()
    assert told([*run.goes(), *of_two(run.pauses(8), OTHER, other_cpu=1.0), *run.goes()]) == []
    run = Plain()
    assert told([*run.goes(), *of_two(run.goes(60), OTHER, other_cpu=1.0), *run.goes()]) == []


def test_a_stopped_worker_of_an_evaluation_that_the_training_waits_for_is_told():
    run = Plain()
    ticks = run.goes()
    began_s = run.t_s
    for tick in run.pauses(12, phase="epoch-end"):
        main, worker = tick.beats
        evaluation = msgspec.structs.replace(main, pid=OTHER, role="other", waits_for="val-batch", wait_began_s=began_s)
        processes = (tick.processes[0], process(tick.t_s, WORKER, cpu=0.0, state="T"))
        ticks.append(msgspec.structs.replace(tick, processes=processes, beats=(main, evaluation, worker)))
    (episode,) = detect(ticks)
    assert (episode.detector, episode.pid) == ("frozen", WORKER)


def test_a_worker_that_hangs_on_a_file_is_told():
    run = Plain()
    ticks = [*run.goes(), *run.waits(40, syscall="read", syscall_file="/data/case_57.npy")]
    assert told(ticks) == [("stall", "stall")]
    quiet = Plain()
    assert told([*quiet.goes(), *quiet.waits(40, syscall="read", syscall_file="pipe:[77]")]) == []


def test_a_wait_of_minutes_without_any_activity_is_told_from_its_beginning():
    run = Plain()
    ticks = run.goes()
    began_s = run.t_s
    (episode,) = detect([*ticks, *run.pauses(50), *run.waits(400)])
    assert episode.start_s == pytest.approx(began_s + 50, abs=2)
    assert episode.alarm_s == pytest.approx(began_s + 50 + 300, abs=10)


# ------------------------------------------------------------------------------------------ exceptions and deaths


def raised(t_s: float, role: str = "train-worker", message: str = SAMPLE_ERROR, **more: Any) -> ExceptionSeen:
    pid = MAIN if role == "main" else WORKER
    return ExceptionSeen(t_s=t_s, pid=pid, role=role, error="OSError", message=message, **more)


def ended(t_s: float, pid: int = MAIN, **more: Any) -> ProcessEnded:
    role = "main" if pid == MAIN else "train-worker"
    return ProcessEnded(t_s=t_s, pid=pid, role=role, source="wait" if pid == MAIN else "hook", **more)


def sent(run: Plain, seconds: int = 60) -> list[Tick]:
    return run.goes(seconds, events=(raised(run.t_s + 1),))


def test_an_exception_of_a_worker_that_the_program_survives_is_no_death():
    run = Plain()
    assert told([*run.goes(), *sent(run), *sent(run), *run.goes(5, events=(ended(run.t_s + 1, exit_code=0),))]) == []


def test_a_later_failure_of_main_is_not_blamed_on_an_exception_that_was_survived():
    run = Plain()
    ticks = [*run.goes(), *sent(run, 8)]
    failed = raised(run.t_s + 1, "main", "No space left on device")
    (episode,) = detect([*ticks, *run.goes(1, events=(failed, ended(run.t_s + 1.1, exit_code=1)))])
    assert episode.is_about_main


def test_the_exception_that_ends_main_is_the_worker_s_even_if_it_was_sent_minutes_before():
    run = Plain()
    ticks = [*run.goes(), *sent(run, 200)]
    words = f"Caught OSError in DataLoader worker process 0.\nOriginal Traceback …\nOSError: {SAMPLE_ERROR}"
    last = run.goes(1, events=(raised(run.t_s + 1, "main", words), ended(run.t_s + 1.1, exit_code=1)))
    (episode,) = detect([*ticks, *last])
    assert (episode.kind, episode.pid) == ("death", WORKER)


def die(run: Plain, *, inside: bool, then_main: bool = False, **how: Any) -> tuple[Episode, ...]:
    ticks = run.goes()
    events = (ended(run.t_s + 1, WORKER, **how),)
    ticks += run.waits(3, events=events) if inside else run.goes(3, events=events)
    if then_main:
        ticks += run.goes(1, events=(ended(run.t_s + 1, exit_code=1),))
    return detect([*ticks, *run.goes(60)])


def test_a_worker_that_dies_while_its_batch_is_awaited_is_told():
    (episode,) = die(Plain(), inside=True, exit_signal=9)
    assert (episode.kind, episode.pid) == ("death", WORKER)


def test_a_worker_that_dies_unawaited_is_told_only_if_main_fails_with_it():
    assert die(Plain(), inside=False, exit_signal=9) == ()
    (episode,) = die(Plain(), inside=False, exit_signal=9, then_main=True)
    assert episode.pid == WORKER


def test_pytorchs_word_on_a_dead_worker_does_not_make_main_the_first_to_die():
    run = Plain()
    ticks, t_s = run.goes(), run.t_s + 1
    echo = raised(t_s, "main", "DataLoader worker (pid(s) 11) exited unexpectedly", echo=True)
    gone = (ended(t_s + 0.1, WORKER, exit_signal=9), ended(t_s + 0.2, exit_code=1))
    (episode,) = detect([*ticks, *run.goes(1, events=(echo, *gone)), *run.goes(5)])
    assert episode.pid == WORKER


def test_a_worker_whose_part_of_an_iterable_is_over_leaves():
    assert die(Plain(), inside=True, exit_code=0) == ()
    assert [episode.is_about_main for episode in die(Plain(), inside=True, then_main=True, exit_code=0)] == [True]


@pytest.mark.parametrize(("number", "expected"), [(0, [("stall", "frozen")]), (None, [])])
def test_a_worker_that_is_stopped_at_its_birth_is_told_although_it_has_no_heartbeat(number, expected):
    """The main process knows the number of its worker; any other process that it has forked is no worker."""
    run = Plain()
    ticks = run.goes()
    for tick in run.waits(60, state="T", worker_index=number):
        ticks.append(msgspec.structs.replace(tick, beats=tick.beats[:1]))
    assert told(ticks) == expected


def test_an_exception_of_other_words_that_was_survived_before_is_not_the_one_that_ends_main():
    """The worker that raised this one has not told it."""
    run = Plain()
    ticks = [*run.goes(), *sent(run, 200)]
    words = "Caught OSError in DataLoader worker process 1.\nOriginal Traceback …\nOSError: disk gone"
    last = run.goes(1, events=(raised(run.t_s + 1, "main", words), ended(run.t_s + 1.1, exit_code=1)))
    (episode,) = detect([*ticks, *last])
    assert episode.is_about_main
    cut = raised(run.t_s + 1, "main", "Caught OSError in DataLoader worker process 1.\nOriginal Traceback …")
    (episode,) = detect([*ticks, *run.goes(1, events=(cut, ended(run.t_s + 1.1, exit_code=1)))])
    assert episode.pid == WORKER


def test_a_worker_whose_long_words_main_repeats_in_part_is_the_one_that_ends_main():
    """The hook cuts off both; main's begin with PyTorch's sentence and the traceback."""
    run = Plain()
    words = "no such file; " * 200
    ticks = [*run.goes(), *run.goes(5, events=(raised(run.t_s + 1, message=words[:2000]),))]
    repeated = f"Caught OSError in DataLoader worker process 1.\nOriginal Traceback …\nOSError: {words}"[:2000]
    last = run.goes(1, events=(raised(run.t_s + 1, "main", repeated), ended(run.t_s + 1.1, exit_code=1)))
    (episode,) = detect([*ticks, *last])
    assert episode.pid == WORKER
