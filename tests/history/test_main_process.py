"""``mp.spawn`` for several GPUs: a launcher with a lower PID that never trains, beside the ranks that do."""

from __future__ import annotations

from holter.evidence.window import Window
from holter.history.ranks import main_beat, main_process, working
from holter.records import Beat, Episode, ProcessSample, Tick
from holter.tape import Recording

LAUNCHER, FIRST, SECOND = 40, 41, 42


def beat(pid: int, t_s: float = 5.0, **fields: object) -> Beat:
    return Beat(t_s=t_s, pid=pid, **fields)  # type: ignore[arg-type]


def rank(pid: int, t_s: float = 5.0, **fields: object) -> Beat:
    return beat(pid, t_s, **{"phase": "train", "progress_total": 8, "progressed_s": t_s, **fields})


def tick(t_s: float, *beats: Beat) -> Tick:
    processes = tuple(ProcessSample(t_s=t_s, pid=pid, role="main", state="S") for pid in (LAUNCHER, FIRST, SECOND))
    return Tick(t_s=t_s, processes=processes, beats=beats)


STARTING = tick(5.0, beat(LAUNCHER), beat(SECOND), beat(FIRST))
TRAINING = tick(5.0, rank(SECOND), beat(LAUNCHER), rank(FIRST))


def test_the_ranks_that_train_stand_for_the_training_and_not_their_launcher() -> None:
    assert [beat.pid for beat in working(TRAINING.beats)] == [FIRST, SECOND]
    assert main_beat(TRAINING) == rank(FIRST)
    assert main_process(TRAINING.processes, TRAINING.beats).pid == FIRST


def test_a_rank_that_prepares_its_first_step_is_one_already() -> None:
    assert main_beat(tick(5.0, beat(LAUNCHER), beat(FIRST, phase="compile"))).pid == FIRST


def test_before_any_process_trains_the_lowest_pid_stands_for_the_training() -> None:
    assert main_beat(STARTING).pid == LAUNCHER
    assert main_process(STARTING.processes, STARTING.beats).pid == LAUNCHER


def test_workers_and_an_empty_tick_have_no_main_process() -> None:
    worker = tick(5.0, beat(50, role="train-worker", phase="train", progress_total=3))
    assert main_beat(worker) is None and main_beat(Tick(t_s=0.0)) is None
    assert main_process((), worker.beats) is None
    assert main_process(worker.processes, ()).pid == LAUNCHER, "without a heartbeat the first one counts"


def test_evidence_reads_the_process_that_trains() -> None:
    ticks = tuple(tick(float(t_s), beat(LAUNCHER, t_s), rank(FIRST, t_s), rank(SECOND, t_s)) for t_s in range(10))
    window = Window(Recording(all_ticks=ticks), Episode(kind="stall", start_s=3.0, alarm_s=8.0))
    assert window.main_beat().pid == window.main().pid == FIRST
