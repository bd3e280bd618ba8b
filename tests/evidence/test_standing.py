"""Where processes stand: in one place for long, and whose code that is; never where they only wait for batches."""

from __future__ import annotations

import pytest

from holter.evidence import Evidence, collect
from holter.evidence.standing import owner_of
from holter.records import Beat, Episode, Frame, ProcessSample, StackDump, ThreadStack, Tick
from holter.tape import Recording

MINE = Frame(function="MyTrainer.upload", file="/home/a/my_trainer.py", line=90)
STEP = Frame(
    function="nnUNetTrainer.run_training", file="/v/site-packages/nnunetv2/training/nnUNetTrainer.py", line=1371
)
LOCK = Frame(function="Condition.wait", file="/usr/lib/python3.11/threading.py", line=320)
QUEUE = Frame(function="Queue.put", file="/usr/lib/python3.11/multiprocessing/queues.py", line=90)
PRODUCER = Frame(function="producer", file="/v/batchgenerators/dataloading/nondet_multi_threaded_augmenter.py", line=40)


def dump(t_s: float, *frames: Frame, pid: int = 1, role: str = "main", **thread: object) -> StackDump:
    stack = ThreadStack(name="MainThread", frames=frames, **thread)  # type: ignore[arg-type]
    return StackDump(t_s=t_s, pid=pid, role=role, rung="py-spy", threads=(stack,))  # type: ignore[arg-type]


def facts(
    *stacks: StackDump, cpu: float = 0.0, workers: int = 0, waits: str = "none", worker_cpu: float = 0.0
) -> Evidence:
    """Facts of a stall that began at 60 s and was told at 80 s."""
    ticks = []
    for t_s in range(40, 100):
        data = [
            ProcessSample(t_s=t_s, pid=10 + n, role="train-worker", state="S", cpu_ratio=worker_cpu)
            for n in range(workers)
        ]
        main = ProcessSample(t_s=t_s, pid=1, role="main", state="S", cpu_ratio=cpu)
        beat = Beat(t_s=t_s, pid=1, phase="train", progress_total=9, progressed_s=60.0, waits_for=waits)
        ticks.append(Tick(t_s=float(t_s), processes=(main, *data), beats=(beat,)))
    recording = Recording(all_ticks=tuple(ticks), all_stacks=stacks)
    return collect(recording, Episode(kind="stall", phase="train", start_s=60.0, alarm_s=80.0, pid=1))


@pytest.mark.parametrize(
    ("frames", "thread", "kind"),
    [
        ((LOCK, MINE, STEP), {"syscall": "futex"}, "lock"),
        ((MINE, STEP), {"syscall": "flock"}, "file-lock"),
        ((MINE, STEP), {"syscall": "recvfrom"}, "socket"),
        ((MINE, STEP), {"syscall": "wait4"}, "child"),
        ((MINE, STEP), {"wait_channel": "pipe_read"}, "pipe"),
        ((MINE, STEP), {"syscall": "clock_nanosleep"}, "sleep"),
    ],
)
def test_the_line_of_ones_own_and_what_holds_it(frames, thread, kind):
    found = facts(dump(75.0, *frames, **thread), dump(79.0, *frames, **thread))
    assert found.fact("main.stands_at").value == "MyTrainer.upload (my_trainer.py:90)"
    assert (found.fact("main.stands_in").value, found.fact("main.stands_owner").value) == (kind, "user")


def test_a_process_that_computes_in_one_function_is_in_a_loop():
    elsewhere = Frame(function=MINE.function, file=MINE.file, line=95)
    moving = facts(dump(75.0, MINE, STEP), dump(79.0, elsewhere, STEP), cpu=1.0)
    assert moving.fact("main.stands_in").value == "python-loop"
    still = facts(dump(75.0, MINE, STEP), dump(79.0, MINE, STEP), cpu=1.0)
    assert still.fact("main.stands_in").value == "native-loop"


def test_different_places_one_stack_or_two_at_once_say_nothing():
    other = Frame(function="MyTrainer.plot", file="/home/a/my_trainer.py", line=12)
    assert facts(dump(75.0, MINE, STEP), dump(79.0, other, STEP)).fact("main.stands_at").status == "not-applicable"
    assert facts(dump(75.0, MINE, STEP)).fact("main.stands_at").status == "unknown"
    assert facts(dump(75.0, MINE, STEP), dump(75.5, MINE, STEP)).fact("main.stands_at").status == "unknown"


def test_a_main_process_that_waits_for_its_batch_stands_nowhere():
    found = facts(dump(75.0, LOCK, STEP), dump(79.0, LOCK, STEP), waits="train-batch")
    assert found.fact("main.stands_at").status == "not-applicable"


def of_workers(*frames: Frame, count: int = 2) -> tuple[StackDump, ...]:
    return tuple(dump(t, *frames, pid=10 + n, role="train-worker") for t in (75.0, 79.0) for n in range(count))


def test_workers_that_all_stand_in_one_line_do_and_those_at_a_full_queue_do_not():
    mine = Frame(function="Slow.apply", file="/home/a/transforms.py", line=7)
    spins = facts(*of_workers(mine, PRODUCER), workers=2, worker_cpu=1.0)
    assert spins.fact("workers.stand_at").value == "Slow.apply (transforms.py:7)"
    assert spins.fact("workers.stand_in").value == "native-loop"
    waits = facts(*of_workers(QUEUE, PRODUCER), workers=2)
    assert waits.fact("workers.stand_at").status == "not-applicable"


def test_of_workers_in_one_loop_one_is_met_at_one_line_and_the_other_at_two():
    here, below = (Frame(function="Slow.apply", file="/home/a/transforms.py", line=line) for line in (7, 8))
    still = (dump(t, here, PRODUCER, pid=10, role="train-worker") for t in (75.0, 79.0))
    moves = (dump(t, where, PRODUCER, pid=11, role="train-worker") for t, where in ((75.0, here), (79.0, below)))
    spins = facts(*still, *moves, workers=2, worker_cpu=1.0)
    assert spins.fact("workers.stand_at").value == "Slow.apply (transforms.py:7)"
    assert spins.fact("workers.stand_in").value == "python-loop"


def test_one_worker_of_which_nothing_was_seen_leaves_it_open():
    mine = Frame(function="Slow.apply", file="/home/a/transforms.py", line=7)
    assert facts(*of_workers(mine, count=2), workers=3).fact("workers.stand_at").status == "unknown"


@pytest.mark.parametrize(
    ("file", "owner"),
    [
        ("/v/lib/python3.11/site-packages/nnunetv2/run/run_training.py", "nnunet"),
        ("/v/lib/python3.11/site-packages/torch/nn/modules/module.py", "torch"),
        ("/usr/lib/python3.11/threading.py", "python"),
        ("/v/lib/python3.11/site-packages/wandb/sdk/wandb_run.py", "library"),
        ("/home/a/my_trainer.py", "user"),
        ("C:\\Users\\a\\my_trainer.py", "user"),
    ],
)
def test_whose_code_it_is(file, owner):
    assert owner_of(Frame(function="f", file=file, line=1)) == owner
