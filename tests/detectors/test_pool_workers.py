"""A pool of a prediction: nnU-Net asks for its workers only before the next case, and goes on until then."""

from __future__ import annotations

import msgspec
import pytest
from running import MAIN, WORKER, Run, process

from holter.detectors import detect
from holter.records import ExceptionSeen, ProcessEnded, Tick

KILLED = ProcessEnded(t_s=60.5, pid=WORKER, role="pool-worker", exit_signal=9, source="hook")


def ended_with(*, echo: bool) -> list[Tick]:
    """Return a prediction whose worker is killed, and whose main process ends a minute later."""
    run = Run()
    words = "Some background workers are no longer alive" if echo else "no space left on device"
    raised = ExceptionSeen(
        t_s=110.0, pid=MAIN, role="main", error="RuntimeError", message=words, echo=echo, source="hook"
    )
    main = ProcessEnded(t_s=160.0, pid=MAIN, role="main", exit_code=1)  # on a busy machine its end takes long
    going = run.go(60, phase="predict"), run.go(49, phase="predict")
    last = (Tick(t_s=110.0, events=(raised,)), Tick(t_s=160.0, events=(main,)), Tick(t_s=161.0))
    return [*going[0], Tick(t_s=60.9, events=(KILLED,)), *going[1], *last]


def test_the_worker_is_the_reason_if_main_only_repeats_its_death():
    (death,) = [episode for episode in detect(ended_with(echo=True)) if episode.kind == "death"]
    assert death.subject_name == "pool-worker (PID 11)"
    assert (death.start_s, death.end_s) == (60.5, 160.0)


def test_another_error_of_main_is_another_death():
    deaths = [episode for episode in detect(ended_with(echo=False)) if episode.kind == "death"]
    assert [death.subject_name for death in deaths] == ["pool-worker (PID 11)", "main (PID 10)"]


def test_a_stopped_worker_of_a_pool_is_named_while_the_others_work():
    run = Run()
    ticks = list(run.go(30, phase="predict"))
    for tick in run.go(12, phase="predict"):
        stopped = process(tick.t_s, WORKER, cpu=0.0, state="T", role="pool-worker")
        ticks.append(msgspec.structs.replace(tick, processes=(tick.processes[0], stopped)))
    (episode,) = detect(ticks)
    assert (episode.detector, episode.subject_name) == ("frozen", "pool-worker (PID 11)")


def test_the_end_of_the_last_rank_ends_a_death_that_began_in_another_one():
    run = Run()
    raised = ExceptionSeen(t_s=60.5, pid=99, role="main", error="KeyError", message="'x'", source="hook")
    ends = [ProcessEnded(t_s=t_s, pid=pid, role="main", exit_code=1) for t_s, pid in ((90.0, 99), (104.0, MAIN))]
    ticks = [*run.go(60), Tick(t_s=61.0, events=(raised,)), *(Tick(t_s=end.t_s, events=(end,)) for end in ends)]
    (death,) = [episode for episode in detect(ticks) if episode.kind == "death"]
    assert (death.subject_name, death.end_s) == ("main (PID 99)", 104.0)


@pytest.mark.parametrize(("started_s", "goes_on"), [(-50.0, False), (63.0, True)])
def test_only_a_new_process_survives_the_death_of_a_main_one(started_s, goes_on):
    """The other rank makes a step more; a restarted training is a new process."""
    run = Run()
    ended = ProcessEnded(t_s=60.5, pid=99, role="main", exit_signal=9)
    ticks = [*run.go(60), Tick(t_s=61.0, events=(ended,))]
    for tick in run.go(20):
        main = msgspec.structs.replace(tick.processes[0], started_s=started_s)
        ticks.append(msgspec.structs.replace(tick, processes=(main, tick.processes[1])))
    (death,) = [episode for episode in detect(ticks) if episode.kind == "death"]
    assert (death.end_s == 60.5) != goes_on
