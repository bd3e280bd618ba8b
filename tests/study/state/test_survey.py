"""What is done, runs, is missing or broken; and what one fold tells about the others."""

from __future__ import annotations

import datetime
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from holter.records import Message
from holter.reports.catalogue import phrase, text
from holter.study.plan import command_of, hours_left, in_order
from holter.study.records import Cell
from holter.study.report.as_json import as_json
from holter.study.state.survey import look, survey
from holter.study.state.time_limit import at_limit
from holter.study.terminal import Commands, print_status
from holter.supervisor.folds.fold_lock import FoldLock
from study.conftest import DATASET, World

SAID = Message(key="outcome.gave-up", values=())


def states(world: World, *configurations: str) -> list[str]:
    return [cell.state for cell in world.cells(*configurations)]


def test_each_fold_has_the_state_of_its_folder(world: World) -> None:
    world.done("2d", "0")
    world.fold("2d", "1", "checkpoint_latest.pth")
    world.fold("2d", "2", "checkpoint_final.pth")  # its validation is missing
    world.entry(world.fold("2d", "3", "checkpoint_latest.pth"), state="gave-up", headline=SAID, cause="slow-storage")
    cells = world.cells("2d")
    assert [cell.state for cell in cells] == ["done", "unfinished", "unfinished", "broken", "missing"]
    assert cells[3].cause == "slow-storage" and cells[3].why == SAID


def test_a_fold_whose_lock_is_held_runs_even_if_it_gave_up_before(world: World) -> None:
    folder = world.fold("2d", "0")
    world.entry(folder, state="gave-up", headline=SAID)
    lock = FoldLock(folder)
    try:
        (cell, *_) = world.cells("2d")
        assert cell.state == "running" and str(os.getpid()) in phrase(cell.why, "en")
    finally:
        lock.close()
    assert states(world, "2d")[0] == "broken"


def test_a_lock_of_another_host_counts_while_it_is_refreshed(world: World) -> None:
    lock = world.fold("2d", "0") / "holter.lock"
    lock.write_text('{"host": "other boot space", "pid": 7}\n')
    assert states(world, "2d")[0] == "running"
    long_ago = time.time() - 3600
    os.utime(lock, (long_ago, long_ago))
    assert states(world, "2d")[0] == "missing"


def test_a_recorder_that_was_killed_leaves_a_fold_that_can_be_continued(world: World) -> None:
    folder = world.fold("2d", "0", "checkpoint_latest.pth")
    world.entry(folder, state="running", ended=None, pid=2**22 - 1, pid_started=1)
    assert states(world, "2d")[0] == "unfinished"


def test_a_training_without_holter_runs(world: World, tmp_path: Path) -> None:
    script = tmp_path / "nnUNetv2_train"
    script.write_text("import time; print(flush=True); time.sleep(60)")
    command = [sys.executable, str(script), "4", "2d", "1"]
    with subprocess.Popen(command, env={**os.environ, **world.environ}, stdout=subprocess.PIPE) as process:
        try:
            process.stdout.readline()  # for a moment after its start a process has no command line
            cells = world.cells("2d")
        finally:
            process.kill()
    assert [cell.state for cell in cells][:2] == ["missing", "running"]
    assert "without Holter" in phrase(cells[1].why, "en")


def test_a_worker_whose_training_has_died_does_not_run(world: World, tmp_path: Path) -> None:
    script = tmp_path / "nnUNetv2_train"
    script.write_text("import os, time; pid = os.fork(); pid and print(pid, flush=True); pid or time.sleep(60)")
    command = [sys.executable, str(script), "4", "2d", "1"]
    with subprocess.Popen(command, env={**os.environ, **world.environ}, stdout=subprocess.PIPE) as process:
        worker = int(process.stdout.readline())
        try:
            process.wait()
            assert states(world, "2d")[1] == "missing"
        finally:
            os.kill(worker, signal.SIGKILL)


def test_a_cascade_waits_for_all_folds_of_its_previous_stage(world: World) -> None:
    for fold in "0123":
        world.done("3d_lowres", fold)
    cells = world.cells("3d_cascade_fullres", "3d_lowres")
    assert [cell.state for cell in cells[:5]] == ["blocked"] * 5
    assert "3d_lowres" in phrase(cells[0].why, "en") and "4" in phrase(cells[0].why, "en")
    assert [cell.job.configuration for cell in in_order(cells)] == ["3d_lowres"] + ["3d_cascade_fullres"] * 5
    world.done("3d_lowres", "4")
    assert states(world, "3d_cascade_fullres") == ["missing"] * 5


def test_the_fold_all_of_the_previous_stage_is_enough(world: World) -> None:
    world.done("3d_lowres", "all")
    assert states(world, "3d_cascade_fullres") == ["missing"] * 5


def test_a_cascade_waits_for_as_many_folds_as_the_splits_have(world: World) -> None:
    splits = Path(world.environ["nnUNet_preprocessed"]) / DATASET / "splits_final.json"
    splits.write_text(json.dumps([{"train": ["a"], "val": ["b"]}] * 3))
    for fold in "012":
        assert {cell.state for cell in world.cells("3d_cascade_fullres", folds="0-2")} == {"blocked"}
        world.done("3d_lowres", fold)
    assert {cell.state for cell in world.cells("3d_cascade_fullres", folds="0-2")} == {"missing"}
    splits.write_text(json.dumps([{"train": ["a"], "val": ["b"]}] * 7))
    for fold in "34":
        world.done("3d_lowres", fold)
    (cell,) = world.cells("3d_cascade_fullres", folds="0")
    assert cell.state == "blocked" and phrase(cell.why, "en") == "needs all folds of 3d_lowres: 5, 6 missing"


def test_data_that_are_not_preprocessed_are_named(world: World) -> None:
    jobs = [msgspec.structs.replace(job, preprocessed=world.folder / "nothing") for job in world.jobs("2d")]
    cell = survey(jobs, look((), world.environ))[0]
    assert cell.state == "blocked" and "nothing" in phrase(cell.why, "en")


def test_hours_come_from_the_epochs_of_the_folds_own_log_else_of_its_siblings(world: World) -> None:
    world.log(world.fold("2d", "0", "checkpoint_latest.pth"), 40, seconds=36.0)
    cells = world.cells("2d")
    assert cells[0].epochs_done == 40 and cells[0].epoch_s == 36.0
    assert cells[0].hours == pytest.approx((1000 - 40) * 36 / 3600)
    assert cells[1].hours == pytest.approx(10.0)
    assert "49.6 hours" in phrase(hours_left(cells), "en")
    assert all(cell.hours is None for cell in world.cells("3d_fullres"))


def test_an_epoch_that_is_not_over_does_not_count(world: World) -> None:
    folder = world.fold("2d", "0", "checkpoint_latest.pth")
    world.log(folder, 3)
    log = next(folder.glob("training_log*"))
    log.write_text(log.read_text() + "2026-11-28 11:00:00.000200: Epoch 3 \n")
    assert world.cells("2d")[0].epochs_done == 3


def test_a_log_of_a_start_that_failed_hides_nothing(world: World) -> None:
    folder = world.fold("2d", "0", "checkpoint_latest.pth")
    world.log(folder, 3)
    (folder / "training_log_2026_11_28_12_00_00.txt").write_text("2026-11-28 12:00:00.0: Using splits\n")
    assert world.cells("2d")[0].epochs_done == 3


def test_the_odd_fold_is_the_slow_one_or_the_one_with_the_high_loss(world: World) -> None:
    for fold, seconds, loss in (("0", 60, -0.8), ("1", 62, -0.75), ("2", 130, -0.78), ("3", 61, -0.2), ("4", 59, -0.8)):
        world.log(world.fold("2d", fold, "checkpoint_latest.pth"), 20, seconds=seconds, loss=loss)
    odd = [None if cell.odd is None else phrase(cell.odd, "en") for cell in world.cells("2d")]
    assert odd[0] is odd[1] is odd[4] is None
    assert "2.1 times as long" in odd[2] and "-0.20" in odd[3]


def test_one_sibling_alone_accuses_nobody(world: World) -> None:
    for fold, seconds in (("0", 60), ("1", 600)):
        world.log(world.fold("2d", fold), 20, seconds=seconds)
    assert [cell.odd for cell in world.cells("2d")] == [None] * 5


def test_incidents_and_lost_time_are_those_of_all_calls(world: World) -> None:
    folder = world.fold("2d", "0", "checkpoint_latest.pth")
    world.entry(folder, state="requeue", stopped=2, lost_s=30.0)
    world.entry(folder, state="requeue", stopped=1, lost_s=12.0)
    cell = world.cells("2d")[0]
    assert (cell.incidents, cell.lost_s, cell.calls) == (3, 42.0, 2)


def test_the_command_can_be_typed_as_it_is(world: World) -> None:
    assert command_of(world.cells("2d")[0], ("--npz",)) == f"holter train {DATASET} 2d 0 --npz"


@pytest.mark.slow
def test_the_state_of_300_trainings_is_known_within_two_seconds(world: World) -> None:
    for number in range(10, 30):
        name = f"Dataset{number:03d}_Many"
        world.dataset(name)
        for configuration in ("2d", "3d_fullres", "3d_lowres"):
            for fold in "01234":
                folder = world.fold(configuration, fold, "checkpoint_latest.pth", dataset=name)
                world.log(folder, 300)
                world.entry(folder, state="requeue", stopped=1, lost_s=1.0)
    command = [sys.executable, "-m", "holter", "study", "status", *map(str, range(10, 30)), "--json"]
    command += ["-c", "2d", "3d_fullres", "3d_lowres"]
    environ = {**os.environ, **world.environ}
    began = os.times()
    done = subprocess.run(command, env=environ, capture_output=True, check=True)
    ended = os.times()
    assert len(msgspec.json.decode(done.stdout)["trainings"]) == 300
    # Of the processor's time, which other tests do not take.
    assert ended.children_user + ended.children_system - began.children_user - began.children_system < 2.0


def at(unix_s: float) -> str:
    return datetime.datetime.fromtimestamp(unix_s).astimezone().isoformat(timespec="seconds")


def test_a_slot_that_is_too_short_says_at_which_epoch_it_ends_and_how_many_more(world: World) -> None:
    now_s = 1_800_000_000.0
    folder = world.fold("2d", "0", "checkpoint_latest.pth")
    world.log(folder, 100, seconds=60.0)
    lock = FoldLock(folder)
    try:
        # A slot of five hours and a quarter of which a quarter is for saving: 300 epochs, of which 280 are to come.
        began_s, ends_s = now_s - 1200, now_s + 280 * 60 + 900
        world.entry(folder, state="running", ended=None, began=at(began_s), job_ends=at(ends_s))
        (cell, *_) = world.cells("2d")
    finally:
        lock.close()
    assert at_limit(cell, now_s) == (380, 3), "620 epochs are left, 300 in each slot"
    console = Console(record=True, width=200)
    print_status(console, [cell], "en", now_s)
    assert "this slot ends at about epoch 380; 3 more slots are needed" in console.export_text()
    assert as_json([cell], (), "en", now_s)["trainings"][0]["slot_ends_at_epoch"] == 380
    for other in (
        msgspec.structs.replace(cell, epochs_planned=350),  # the slot is long enough
        msgspec.structs.replace(cell, job_ends=None),
        msgspec.structs.replace(cell, state="unfinished"),
        msgspec.structs.replace(cell, epoch_s=None),
    ):
        assert at_limit(other, now_s) is None


def test_lost_time_is_shown_by_cause_of_each_fold_and_in_all(world: World) -> None:
    for fold, lost in (("0", {"slow-storage": 300.0, "": 60.0}), ("1", {"frozen-worker": 600.0, "slow-storage": 60.0})):
        folder = world.fold("2d", fold, "checkpoint_latest.pth")
        world.entry(folder, state="requeue", stopped=1, lost_s=sum(lost.values()), lost_by_cause=lost)
    world.entry(folder, state="requeue", stopped=0, lost_s=0.0)  # as an older Holter wrote it
    console = Console(record=True, width=200)
    cells = world.cells("2d", folds="0-1")
    print_status(console, cells, "en", 0.0)
    said = console.export_text()
    slow, frozen = (text(f"cause.{name}.title", "en") for name in ("slow-storage", "frozen-worker"))
    assert f"6 min 0 s lost ({slow} 5 min 0 s, cause unknown 1 min 0 s)" in said, said
    assert said.splitlines()[2].startswith(f"17 min 0 s lost in all: {frozen} 10 min 0 s, {slow} 6 min 0 s")
    found = as_json(cells, (), "en", 0.0)["trainings"][1]["lost_by_cause"]
    assert found == {"frozen-worker": 600.0, "slow-storage": 60.0}


def test_the_last_line_is_the_verdict_and_the_next_command(world: World) -> None:
    commands = Commands(run="RUN", finish="FINISH", watch="WATCH")

    def last(cells: list[Cell]) -> str:
        console = Console(record=True, width=200)
        print_status(console, cells, "en", 0.0, commands)
        return console.export_text().splitlines()[-1]

    (cell,) = world.cells("2d", folds="0")
    assert last([cell]).startswith("Verdict: 1 training: 0 done, ") and last([cell]).endswith(" Next: RUN")
    done, running, broken = (msgspec.structs.replace(cell, state=state) for state in ("done", "running", "broken"))
    assert last([done]).endswith(" Next: FINISH")
    assert last([done, running]).endswith(" Next: WATCH")
    assert last([running, msgspec.structs.replace(broken, tape="/t/a b.holter")]).endswith(
        " Next: holter diagnose '/t/a b.holter'"
    )


@pytest.mark.slow
def test_neither_plan_nor_status_imports_torch(world: World) -> None:
    for action in ("plan", "status"):
        command = [sys.executable, "-X", "importtime", "-m", "holter", "study", action, "4", "-c", "2d"]
        done = subprocess.run(command, env={**os.environ, **world.environ}, capture_output=True, text=True, check=True)
        names = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
        assert "holter.study.state.survey" in names and not names & {"torch", "numpy", "nnunetv2", "ray"}


@pytest.mark.slow
def test_neither_run_nor_status_loads_the_causes(world: World) -> None:
    program = (
        "import sys, runpy; sys.argv[:] = ['holter', *sys.argv[1:]]\n"
        "try: runpy.run_module('holter', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "print(*sorted({name.split('.')[1] for name in sys.modules if name.startswith('holter.')}))"
    )
    for fold in "01234":
        world.done("2d", fold)
    for words in ("status 4 -c 2d", "status 4 -c 2d --json", f"run 4 -c 2d --slots 1 --out {world.folder}/out"):
        command = [sys.executable, "-c", program, "study", *words.split()]
        done = subprocess.run(command, env={**os.environ, **world.environ}, capture_output=True, text=True, check=True)
        loaded = set(done.stdout.splitlines()[-1].split())
        assert "study" in loaded and not loaded & {"causes", "detectors", "evidence", "remedies", "diagnosis"}, words
