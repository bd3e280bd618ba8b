"""Which rank holds the others up, by the stacks of all of them."""

from __future__ import annotations

import pytest

from holter.evidence import collect
from holter.records import Beat, Episode, Fact, Frame, ProcessSample, StackDump, ThreadStack, Tick
from holter.tape import Recording

EXCHANGE = ("_engine_run_backward", "backward", "nnUNetTrainer.train_step")
STEP = ("nnUNetTrainer.train_step", "nnUNetTrainer.run_training")


def behind(*stacks: tuple[str, ...]) -> Fact:
    """Two ranks in the same epoch and phase that stand still."""
    beats = tuple(Beat(t_s=0.0, pid=pid, phase="train", epoch=3, progress_total=9, steps_total=9) for pid in (11, 12))
    tree = tuple(ProcessSample(t_s=0.0, pid=pid, role="main", state="S") for pid in (11, 12))
    dumps = []
    for pid, functions in zip((11, 12), stacks, strict=False):
        frames = tuple(Frame(function=function, file="/lib/trainer.py", line=1) for function in functions)
        threads = (ThreadStack(name="MainThread", frames=frames),)
        dumps.append(StackDump(t_s=20.0, pid=pid, role="main", rung="py-spy", threads=threads))
    ticks = tuple(Tick(t_s=float(second), beats=beats, processes=tree) for second in range(30))
    episode = Episode(kind="stall", start_s=10.0, alarm_s=20.0, subject="training", pid=11)
    return collect(Recording(all_ticks=ticks, all_stacks=tuple(dumps)), episode).fact("ddp.behind")


def test_the_rank_that_is_in_no_exchange_is_behind():
    assert behind(EXCHANGE, STEP).value == ("PID 12 (in nnUNetTrainer.train_step (trainer.py:1))",)


@pytest.mark.parametrize("stacks", [(EXCHANGE, EXCHANGE), (STEP, STEP), (EXCHANGE,)])
def test_nobody_is_accused_where_all_are_alike_or_one_was_not_seen(stacks):
    assert behind(*stacks).value == ()
