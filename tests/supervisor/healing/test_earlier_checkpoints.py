"""Checkpoints of a training before this one are told from its own, wherever the fold's folder stands in the command."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from holter.supervisor.healing.continuation import newest_checkpoint_s

TRAIN = "nnUNetv2_train Dataset004_Toy 3d_fullres 0"
OLD_S = 1_000_000.0


@pytest.fixture
def results(tmp_path: Path) -> Path:
    fold = tmp_path / "Dataset004_Toy" / "nnUNetTrainer__nnUNetPlans__3d_fullres" / "fold_0"
    fold.mkdir(parents=True)
    (fold / "checkpoint_final.pth").touch()
    os.utime(fold / "checkpoint_final.pth", (OLD_S, OLD_S))
    return tmp_path


@pytest.mark.parametrize(
    "command",
    [
        tuple(TRAIN.split()),
        ("bash", "-c", TRAIN),
        ("srun", "bash", "-lc", f"nohup {TRAIN} -device cpu"),
    ],
)
def test_the_checkpoints_of_last_month_are_older(command: tuple[str, ...], results: Path) -> None:
    earlier_s = newest_checkpoint_s(command, {"nnUNet_results": str(results)})
    assert earlier_s == pytest.approx(OLD_S) and earlier_s > OLD_S


def test_a_folder_that_the_command_itself_names_goes_before_that_of_the_environment(results: Path) -> None:
    for command in (
        ("env", f"nnUNet_results={results}", *TRAIN.split()),
        ("sh", "-c", f"nnUNet_results={results} {TRAIN}"),
    ):
        assert newest_checkpoint_s(command, {"nnUNet_results": "/elsewhere"}) == pytest.approx(OLD_S)


@pytest.mark.parametrize(
    "command",
    [
        ("python", "my_train.py"),
        ("bash", "-c", f"cd /data && {TRAIN}"),
        ("bash", "-c", "nnUNetv2_train Dataset004_Toy 3d_fullres $FOLD"),
        ("nnUNetv2_train", "Dataset004_Toy", "3d_fullres", "x" * 300),  # the file system refuses this name
    ],
)
def test_where_the_folder_is_not_known_all_that_is_there_at_the_start_is_older(command, results: Path) -> None:
    before = time.time()
    earlier_s = newest_checkpoint_s(command, {"nnUNet_results": str(results)})
    assert earlier_s is not None and before <= earlier_s <= time.time()


def test_a_fold_without_checkpoints_has_none_that_are_older(results: Path) -> None:
    assert (
        newest_checkpoint_s(("nnUNetv2_train", "Dataset004_Toy", "3d_fullres", "1"), {"nnUNet_results": str(results)})
        is None
    )
