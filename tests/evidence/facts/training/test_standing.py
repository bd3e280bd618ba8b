"""Where processes stand: in one place for long, and whose code that is; never where they only wait for batches."""

from __future__ import annotations

import pytest

from holter.evidence import Evidence, collect
from holter.evidence.frames import place
from holter.evidence.owners import owner_of
from holter.records import Beat, Episode, Frame, ProcessSample, StackDump, ThreadStack, Tick
from holter.reports.catalogue import phrase
from holter.tape import Recording

MINE = Frame(function="MyTrainer.upload", file="/home/a/my_trainer.py", line=90)
STEP = Frame(
    function="nnUNetTrainer.run_training", file="/v/site-packages/nnunetv2/training/nnUNetTrainer.py", line=1371
)
TRAINERS = "/v/lib/python3.11/site-packages/nnunetv2/training/nnUNetTrainer"
# The training moved on last more than a minute before the stacks of these tests were taken.
LONG_AGO_S = 10.0
LOCK = Frame(function="Condition.wait", file="/usr/lib/python3.11/threading.py", line=320)
QUEUE = Frame(function="Queue.put", file="/usr/lib/python3.11/multiprocessing/queues.py", line=90)
PRODUCER = Frame(function="producer", file="/v/batchgenerators/dataloading/nondet_multi_threaded_augmenter.py", line=40)


def dump(t_s: float, *frames: Frame, pid: int = 1, role: str = "main", **thread: object) -> StackDump:
    stack = ThreadStack(name="MainThread", frames=frames, **thread)  # type: ignore[arg-type]
    return StackDump(t_s=t_s, pid=pid, role=role, rung="py-spy", threads=(stack,))  # type: ignore[arg-type]


HTTPCORE = Frame(
    function="SyncStream.read", file="/v/lib/python3.11/site-packages/httpcore/_backends/sync.py", line=128
)


def facts(
    *stacks: StackDump,
    cpu: float = 0.0,
    workers: int = 0,
    waits: str = "none",
    worker_cpu: float = 0.0,
    moved_s: float = 60.0,
    kind: str = "stall",
    file: str | None = None,
) -> Evidence:
    """Facts of a stall that began at 60 s and was told at 80 s; the training moved on last at ``moved_s``."""
    ticks = []
    for t_s in range(40, 100):
        data = [
            ProcessSample(t_s=t_s, pid=10 + n, role="train-worker", state="S", cpu_ratio=worker_cpu)
            for n in range(workers)
        ]
        main = ProcessSample(t_s=t_s, pid=1, role="main", state="S", cpu_ratio=cpu, syscall_file=file)
        beat = Beat(t_s=t_s, pid=1, phase="train", progress_total=9, progressed_s=moved_s, waits_for=waits)
        ticks.append(Tick(t_s=float(t_s), processes=(main, *data), beats=(beat,)))
    recording = Recording(all_ticks=tuple(ticks), all_stacks=stacks)
    return collect(recording, Episode(kind=kind, phase="train", start_s=60.0, alarm_s=80.0, pid=1))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("frames", "thread", "kind"),
    [
        ((LOCK, MINE, STEP), {"syscall": "futex"}, "lock"),
        ((MINE, STEP), {"syscall": "flock"}, "file-lock"),
        ((MINE, STEP), {"syscall": "recvfrom"}, "socket"),
        ((HTTPCORE, MINE, STEP), {"syscall": "poll"}, "socket"),
        ((MINE, STEP), {"syscall": "wait4"}, "child"),
        ((MINE, STEP), {"wait_channel": "pipe_read"}, "pipe"),
        ((MINE, STEP), {"syscall": "clock_nanosleep"}, "sleep"),
    ],
)
def test_the_line_of_ones_own_and_what_holds_it(frames, thread, kind):
    found = facts(dump(75.0, *frames, **thread), dump(79.0, *frames, **thread))
    assert found.fact("main.stands_at").value == "MyTrainer.upload (my_trainer.py:90)"
    assert (found.fact("main.stands_in").value, found.fact("main.stands_owner").value) == (kind, "user")


PDB = Frame(function="Pdb.cmdloop", file="/usr/lib/python3.11/pdb.py", line=126)
CMD = Frame(function="Cmd.cmdloop", file="/usr/lib/python3.11/cmd.py", line=126)
IPDB = Frame(
    function="TerminalPdb.interaction", file="/v/lib/python3.11/site-packages/IPython/core/debugger.py", line=4
)
OWN_CODE = Frame(function="decode", file="/home/a/code.py", line=3)


@pytest.mark.parametrize(
    ("frames", "thread", "kind"),
    [
        ((CMD, PDB, MINE, STEP), {"syscall": "pselect6"}, "person"),
        ((LOCK, IPDB, MINE, STEP), {"syscall": "futex"}, "person"),
        ((MINE, STEP, PDB), {"syscall": "futex"}, "lock"),  # below python -m pdb
        ((OWN_CODE, STEP), {"syscall": "futex"}, "lock"),
    ],
)
def test_a_debugger_waits_for_a_person_and_a_program_below_it_for_what_it_waits(frames, thread, kind):
    found = facts(dump(75.0, *frames, **thread), dump(79.0, *frames, **thread))
    assert found.fact("main.stands_in").value == kind


@pytest.mark.parametrize(("file", "kind"), [("/dev/pts/3", "person"), ("/dev/tty", "person"), ("/data/x", "file")])
def test_an_input_at_the_terminal_waits_for_a_person(file, kind):
    asks = dump(75.0, MINE, STEP, syscall="read"), dump(79.0, MINE, STEP, syscall="read")
    assert facts(*asks, file=file).fact("main.stands_in").value == kind


def test_a_process_that_computes_in_one_function_is_in_a_loop():
    elsewhere = Frame(function=MINE.function, file=MINE.file, line=95)
    moving = facts(dump(75.0, MINE, STEP), dump(79.0, elsewhere, STEP), cpu=1.0, moved_s=LONG_AGO_S)
    assert moving.fact("main.stands_in").value == "python-loop"
    still = facts(dump(75.0, MINE, STEP), dump(79.0, MINE, STEP), cpu=1.0, moved_s=LONG_AGO_S)
    assert still.fact("main.stands_in").value == "native-loop"
    soon = facts(dump(75.0, MINE, STEP), dump(79.0, MINE, STEP), cpu=1.0)
    assert soon.fact("main.stands_at").status == "not-applicable", "slow, for all that is known"


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
    spins = facts(*of_workers(mine, PRODUCER), workers=2, worker_cpu=1.0, moved_s=LONG_AGO_S)
    assert spins.fact("workers.stand_at").value == "Slow.apply (transforms.py:7)"
    assert spins.fact("workers.stand_in").value == "native-loop"
    slow = facts(*of_workers(mine, PRODUCER), workers=2, worker_cpu=1.0, moved_s=50.0, kind="slow-down")
    assert slow.fact("workers.stand_at").status == "not-applicable", "a batch came half a minute ago"
    waits = facts(*of_workers(QUEUE, PRODUCER), workers=2)
    assert waits.fact("workers.stand_at").status == "not-applicable"


def test_of_workers_in_one_loop_one_is_met_at_one_line_and_the_other_at_two():
    here, below = (Frame(function="Slow.apply", file="/home/a/transforms.py", line=line) for line in (7, 8))
    still = (dump(t, here, PRODUCER, pid=10, role="train-worker") for t in (75.0, 79.0))
    moves = (dump(t, where, PRODUCER, pid=11, role="train-worker") for t, where in ((75.0, here), (79.0, below)))
    spins = facts(*still, *moves, workers=2, worker_cpu=1.0, moved_s=LONG_AGO_S)
    assert spins.fact("workers.stand_at").value == "Slow.apply (transforms.py:7)"
    assert spins.fact("workers.stand_in").value == "python-loop"


def test_workers_that_go_from_transform_to_transform_are_slow_however_long_it_takes():
    compose = Frame(function="ComposeTransforms.apply", file="/v/batchgeneratorsv2/transforms/compose.py", line=19)
    transforms = (Frame(function="apply", file=f"/v/batchgeneratorsv2/transforms/{name}.py", line=1) for name in "abcd")
    stacks = [
        dump(t_s, next(transforms), compose, PRODUCER, pid=pid, role="train-worker")
        for t_s in (75.0, 79.0)
        for pid in (10, 11)
    ]
    found = facts(*stacks, workers=2, worker_cpu=1.0, moved_s=LONG_AGO_S)
    assert found.fact("workers.stand_at").status == "not-applicable"


@pytest.mark.parametrize(("workers", "seen", "told"), [(1, 1, True), (20, 14, True), (20, 7, False), (3, 2, False)])
def test_one_worker_or_most_of_many_are_enough(workers, seen, told):
    mine = Frame(function="Slow.apply", file="/home/a/transforms.py", line=7)
    found = facts(*of_workers(mine, PRODUCER, count=seen), workers=workers).fact("workers.stand_at")
    assert (found.status == "known") == told
    if told:
        said = phrase(found.detail, "en")
        assert ("the data worker is stuck" in said, "of 20 data workers 14" in said) == (workers == 1, workers == 20)


CONV = Frame(function="Conv3d._conv_forward", file="/v/site-packages/torch/nn/modules/conv.py", line=717)
BACKWARD = Frame(function="_engine_run_backward", file="/v/site-packages/torch/autograd/graph.py", line=824)
ABOVE = "/v/site-packages/nnunetv2/training/nnUNetTrainer/nnUNetTrainer.py"


@pytest.mark.parametrize("own", [False, True])
def test_a_slow_step_is_no_place_and_a_loop_of_ones_own_in_it_is(own):
    file = "/home/a/my_trainer.py" if own else ABOVE
    at = [Frame(function="nnUNetTrainer.train_step", file=file, line=line) for line in (1039, 1046)]
    first, second = ((at[0], STEP), (at[1], STEP)) if own else ((CONV, at[0], STEP), (BACKWARD, at[1], STEP))
    found = facts(dump(75.0, *first), dump(79.0, *second), cpu=1.0, moved_s=LONG_AGO_S)
    assert (found.fact("main.stands_at").status == "known") == own


def test_stacks_that_differ_below_the_loop_of_epochs_are_those_of_a_training_that_goes_on():
    at = [Frame(function=name, file="/home/a/my_trainer.py", line=9) for name in ("MyTrainer.plot", "MyTrainer.log")]
    found = facts(dump(75.0, at[0], STEP), dump(79.0, at[1], STEP), cpu=1.0, moved_s=LONG_AGO_S)
    assert found.fact("main.stands_at").status == "not-applicable"


LOADER = "/v/site-packages/torch/utils/data/dataloader.py"


def test_the_wait_of_pytorchs_loader_is_a_wait_for_workers_and_without_them_it_is_none():
    select = Frame(function="_PollLikeSelector.select", file="/usr/lib/python3.11/selectors.py", line=415)
    waits = [
        Frame(function=f"_MultiProcessingDataLoaderIter.{name}", file=LOADER, line=1)
        for name in ("_try_get_data", "_get_data", "_next_data")
    ]
    assert place(ThreadStack(frames=(select, *waits))) == (
        "batch-queue", "_MultiProcessingDataLoaderIter._try_get_data (dataloader.py:1)",
    )  # fmt: skip
    fetch = Frame(
        function="_MapDatasetFetcher.fetch", file="/v/site-packages/torch/utils/data/_utils/fetch.py", line=54
    )
    alone = Frame(function="_SingleProcessDataLoaderIter._next_data", file=LOADER, line=788)
    assert (place(ThreadStack(frames=(MINE, fetch, alone))) or ("",))[0] != "batch-queue"


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
        (f"{TRAINERS}/nnUNetTrainer.py", "nnunet"),
        (f"{TRAINERS}/variants/loss/nnUNetTrainerDiceLoss.py", "nnunet"),
        (f"{TRAINERS}/variants/nnUNetTrainer_mine.py", "user"),
        ("/home/a/torch/train.py", "user"),
        ("/usr/lib/python3/dist-packages/torch/nn/functional.py", "torch"),
    ],
)
def test_whose_code_it_is(file, owner):
    assert owner_of(Frame(function="f", file=file, line=1)) == owner


def test_where_the_hook_stands_in_for_nnunet_the_frame_of_nnunet_is_named():
    hook = "/home/a/.venv/lib/python3.11/site-packages/holter/hook/workers/restart.py"
    frames = (
        Frame(function="_PollLikeSelector.select", file="/usr/lib/python3.11/selectors.py", line=415),
        Frame(function="__get_next_item", file=hook, line=133),
        Frame(function="_healing_next.<locals>.__next__", file=hook, line=113),
        Frame(function="nnUNetTrainer.run_training", file="/home/a/nnUNet/training/nnUNetTrainer.py", line=1426),
    )
    assert place(ThreadStack(frames=frames)) == ("batch-queue", "nnUNetTrainer.run_training (nnUNetTrainer.py:1426)")
    assert place(ThreadStack(frames=frames[:3])) == ("batch-queue", "__get_next_item (restart.py:133)")
