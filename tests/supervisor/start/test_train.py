"""``holter train``: the same command again and again, until the training is done; one at a time."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from holter.demo.prepare import CONFIGURATION, DATASET_NAME, Prepared
from holter.errors import AlreadyTraining, NoUsableCheckpoint
from holter.reports.catalogue import phrase
from holter.supervisor.train import CONTINUES, NothingLeft, lock_of, make_order
from holter.texts.results_folder import is_done
from holter.texts.training_command import parse_training_command

TRAINERS = Path(__file__).parents[1] / "own_trainer"


@pytest.fixture
def variables(brain: Prepared, tmp_path: Path) -> dict[str, str]:
    (tmp_path / "results").mkdir()
    return {
        **os.environ,
        **brain.environment(),
        "nnUNet_results": str(tmp_path / "results"),
        "nnUNet_extTrainer": str(TRAINERS),
        "nnUNet_n_proc_DA": "2",
        "HOLTER_CHECKPOINT_EVERY_S": "0",
    }


def command(*more: str) -> list[str]:
    wanted = (DATASET_NAME, CONFIGURATION, "0", "-tr", "nnUNetTrainerTiny", "-device", "cpu")
    loader = () if "--loader" in more else ("--loader", "stock")  # the choice takes 15 s, and is tried elsewhere
    return [sys.executable, "-m", "holter", "train", *wanted, *loader, *more]


def train(variables, folder, *more: str) -> subprocess.CompletedProcess:
    return subprocess.run(command(*more), env=variables, cwd=folder, capture_output=True, text=True, timeout=200)


def logs(folder: Path) -> list[Path]:
    return sorted(folder.rglob("training_log_*.txt"))


def epochs(folder: Path) -> list[int]:
    return [int(n) for log in logs(folder) for n in re.findall(r"Epoch (\d+) *$", log.read_text(), re.MULTILINE)]


def wait_for_epoch(folder: Path, epoch: int, process: subprocess.Popen) -> None:
    until = time.monotonic() + 120
    while epoch not in epochs(folder):
        assert process.poll() is None and time.monotonic() < until
        time.sleep(0.2)


@pytest.mark.sample
@pytest.mark.training
def test_schedulers_may_stop_it_and_the_same_command_finishes_it(variables, tmp_path):
    ours = ("--loader", "holter")
    first = subprocess.Popen(command(*ours), env=variables, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    wait_for_epoch(tmp_path, 1, first)
    refused = train(variables, tmp_path, "--tape", "second.holter")
    assert refused.returncode == 2
    assert "already-training" in refused.stderr and str(first.pid) in refused.stderr
    first.send_signal(signal.SIGUSR1)
    assert first.wait(120) == 75, first.stderr.read()
    done = epochs(tmp_path)
    assert done == list(range(len(done))) and 2 <= len(done) <= 3
    assert not list(tmp_path.rglob("holter.lock*"))
    assert not list(tmp_path.glob("*.html"))  # what a batch system ends has no time for a report

    second = subprocess.Popen(
        command("--tape", "term.holter", *ours), env=variables, cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    wait_for_epoch(tmp_path, len(done), second)
    second.send_signal(signal.SIGTERM)
    began = time.monotonic()
    assert second.wait(120) == 75, second.stderr.read()
    assert time.monotonic() - began < 30

    last = train(variables, tmp_path, "--tape", "last.holter")
    assert last.returncode == 0, last.stderr
    assert "continues from checkpoint_" in last.stderr
    assert sorted(set(epochs(tmp_path))) == [0, 1, 2, 3, 4]
    assert len(epochs(tmp_path)) <= 6  # at most one was trained twice
    assert list(tmp_path.rglob("validation/summary.json"))
    assert "wrote last.html" in last.stderr and (tmp_path / "last.html").stat().st_mode & 0o777 == 0o600
    is_ours = ["data loader without worker processes" in log.read_text() for log in logs(tmp_path)]
    assert is_ours == [True] * (len(is_ours) - 1) + [False] and len(is_ours) > 1

    told = train(variables, tmp_path, "--restart-from-scratch", "--tape", "x.holter", "--bad-option")
    assert told.returncode == 2  # nnU-Net's own, passed on; what never trained is not started again
    assert "restarting" not in told.stderr and "unrecognized arguments: --bad-option" in told.stderr
    assert list(tmp_path.rglob("checkpoint_final.pth.before-restart-1"))


def test_what_is_missing_is_said_before_anything_is_started(variables, tmp_path):
    without = {name: value for name, value in variables.items() if name != "nnUNet_preprocessed"}
    told = train(without, tmp_path)
    assert told.returncode == 2
    assert "nnUNet_preprocessed" in told.stderr
    nothing = subprocess.run(
        [sys.executable, "-m", "holter", "train", "--quiet"],
        env=variables,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert nothing.returncode == 2
    assert list(tmp_path.glob("*.holter")) == []


def test_torn_checkpoints_are_not_trained_over(variables, tmp_path):
    fold = tmp_path / "results" / DATASET_NAME / f"nnUNetTrainerTiny__nnUNetPlans__{CONFIGURATION}" / "fold_0"
    fold.mkdir(parents=True)
    (fold / "checkpoint_latest.pth").write_bytes(b"PK torn")
    told = train(variables, tmp_path)
    assert told.returncode == 2
    assert "no-usable-checkpoint" in told.stderr and "--restart-from-scratch" in told.stderr
    assert (fold / "checkpoint_latest.pth").read_bytes() == b"PK torn"


@pytest.mark.parametrize("is_torn", [True, False])
def test_the_command_that_begins_again_can_be_copied(is_torn, tmp_path):
    if is_torn:
        (tmp_path / "checkpoint_latest.pth").write_bytes(b"PK torn")
    arguments = ("4", "2d", "0", "--c", "-p", "nnUNetPlans", "--loader", "stock")
    training = parse_training_command(("nnUNetv2_train", *arguments))
    assert training is not None
    with pytest.raises(NoUsableCheckpoint) as refused:
        make_order(arguments, training, tmp_path, from_scratch=False)
    command = "holter train 4 2d 0 -p nnUNetPlans --loader stock"
    again = f"{command} --restart-from-scratch begins again" if is_torn else f"{command} begins"
    assert phrase(refused.value.next_step, "en") == f"{again} at epoch 0."


def test_what_becomes_of_older_checkpoints_is_told_in_the_language_of_the_user(tmp_path):
    (tmp_path / "checkpoint_latest.pth").write_bytes(b"PK torn")
    arguments = (DATASET_NAME, CONFIGURATION, "0")
    training = parse_training_command(("nnUNetv2_train", *arguments))
    assert training is not None
    order = make_order(arguments, training, tmp_path, from_scratch=True)
    (note,) = order.notes
    assert phrase(note, "en") == "checkpoint_latest.pth is kept as checkpoint_latest.pth.before-restart-1"
    assert phrase(note, "zh") == "checkpoint_latest.pth 保留为 checkpoint_latest.pth.before-restart-1"
    assert [file.name for file in tmp_path.iterdir()] == ["checkpoint_latest.pth.before-restart-1"]
    continues = CONTINUES(file="checkpoint_latest.pth", epoch=12)
    assert phrase(continues, "en") == "continues from checkpoint_latest.pth, epoch 12"
    assert phrase(continues, "zh") == "从 checkpoint_latest.pth 继续，第 12 轮"


@pytest.mark.parametrize("has_checkpoint", [True, False], ids=["from scratch", "the checkpoints were removed"])
def test_a_fold_that_begins_again_is_not_done_before_its_new_validation(tmp_path, has_checkpoint):
    (tmp_path / "validation").mkdir()
    for name in ("checkpoint_final.pth", "validation/summary.json"):
        (tmp_path / name).write_text("old")
    assert is_done(tmp_path)
    if not has_checkpoint:
        (tmp_path / "checkpoint_final.pth").unlink()
    training = parse_training_command(("nnUNetv2_train", "4", "2d", "0"))
    assert training is not None
    order = make_order(("4", "2d", "0"), training, tmp_path, from_scratch=has_checkpoint)
    (tmp_path / "checkpoint_final.pth").write_text("new")  # and killed in the middle of the final validation
    assert not is_done(tmp_path)
    assert (tmp_path / "validation/summary.json.before-restart-1").read_text() == "old"
    assert phrase(order.notes[0], "en") == "validation/summary.json is kept as summary.json.before-restart-1"


def test_a_fold_that_is_done_is_refused_with_and_without_its_lock(tmp_path):
    (tmp_path / "validation").mkdir()
    lock = lock_of(tmp_path, lambda _: False, unless_done=True)
    with pytest.raises(AlreadyTraining):
        lock_of(tmp_path, lambda _: False, unless_done=True)
    for name in ("checkpoint_final.pth", "validation/summary.json"):
        (tmp_path / name).touch()
    with pytest.raises(NothingLeft):
        lock_of(tmp_path, lambda _: False, unless_done=True)
    lock.close()
    with pytest.raises(NothingLeft):
        lock_of(tmp_path, lambda _: False, unless_done=True)
    lock_of(tmp_path, lambda _: False, unless_done=False).close()
