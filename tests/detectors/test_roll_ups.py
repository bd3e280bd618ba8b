"""A healthy training stays healthy when its older readings are minute means (what the recorder did not report)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from running import WORKER, Run

from holter.detectors import detect
from holter.records import Tick
from holter.tape import TapeWriter, read
from holter.tape.compaction import RawWindow

LAST_OF_A_MINUTE = 59  # a roll-up keeps the last state of its minute


def thinned(ticks: list[Tick], tape: Path) -> tuple[Tick, ...]:
    writer = TapeWriter(tape, window=RawWindow(keep_s=300.0))
    for tick in ticks:
        writer.write_samples(tick.t_s, (*tick.processes, *tick.beats))
        writer.pulse(tick.t_s)
    writer.close(ticks[-1].t_s)
    found = read(tape).all_ticks
    assert sum(tick.span_s > 0 for tick in found) > 15
    return found


def epochs(run: Run, *, validation_step_s: float) -> Iterator[Tick]:
    """Half an hour; ``validation_step_s``: a step without the backward pass is shorter."""
    train_step_s = run.step_s
    for epoch in range(12):
        run.epoch, run.step_s = epoch, train_step_s
        yield from run.go(125)
        run.step_s = validation_step_s
        yield from run.go(25, phase="validate")


def with_state(tick: Tick, state: str) -> Tick:
    # A stack that is taken stops a worker for milliseconds; a worker that reads a file waits for the disk as long.
    # No CPU time: in some containers it cannot be read.
    state = state if round(tick.t_s) % 60 == LAST_OF_A_MINUTE else "S"
    processes = tuple(
        msgspec.structs.replace(process, state=state if process.pid == WORKER else process.state, cpu_s_total=None)
        for process in tick.processes
    )
    return msgspec.structs.replace(tick, processes=processes)


@pytest.mark.parametrize("state", ["T", "D"])
def test_one_look_a_minute_freezes_no_worker(tmp_path: Path, state: str) -> None:
    ticks = [with_state(tick, state) for tick in epochs(Run(), validation_step_s=0.5)]
    assert detect(ticks) == ()
    assert detect(thinned(ticks, tmp_path / "t.holter")) == ()


@pytest.mark.parametrize("validation_step_s", [0.1, 2.0])
def test_steps_of_training_are_not_compared_with_minutes_of_both(tmp_path: Path, validation_step_s: float) -> None:
    ticks = list(epochs(Run(), validation_step_s=validation_step_s))
    assert detect(ticks) == ()
    assert detect(thinned(ticks, tmp_path / "t.holter")) == ()


def test_a_stall_after_roll_ups_is_still_seen(tmp_path: Path) -> None:
    run = Run()
    ticks = [*epochs(run, validation_step_s=0.5), *run.go(30), *run.halt(40)]
    whole, (episode,) = detect(ticks), detect(thinned(ticks, tmp_path / "t.holter"))
    assert (episode.detector, episode.start_s, episode.alarm_s) == ("stall", whole[-1].start_s, whole[-1].alarm_s)
