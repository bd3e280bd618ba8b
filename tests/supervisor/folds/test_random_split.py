"""A fold that is not in the split: nnU-Net makes a random one, and Holter says so before the start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from holter.reports.catalogue import phrase
from holter.supervisor.folds.preparation import random_split
from holter.texts.training_command import TrainingCommand, parse_training_command
from needs import imported

DATASET = "Dataset004_Hippocampus"
WARNING = (
    "holter: fold 7 is not in the split, which has 5 folds, counted from 0: nnU-Net trains with a random 80:20 split "
    "of all cases instead\n"
)


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    folders = {name: str(tmp_path / name) for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")}
    for folder in folders.values():
        (Path(folder) / DATASET).mkdir(parents=True)
    (tmp_path / "t").mkdir()
    state = {"TMPDIR": str(tmp_path / "t"), "XDG_STATE_HOME": str(tmp_path / "state"), "LC_ALL": "C"}
    return {**os.environ, **folders, **state, "HOLTER_LOADER": "stock"}


def write_splits(variables: dict[str, str], count: int) -> None:
    splits = [{"train": ["a"], "val": ["b"]}] * count
    (Path(variables["nnUNet_preprocessed"]) / DATASET / "splits_final.json").write_text(json.dumps(splits))


def training(fold: str) -> TrainingCommand:
    parsed = parse_training_command(("nnUNetv2_train", "4", "2d", fold))
    assert parsed is not None
    return parsed


def test_only_a_number_beyond_the_split_is_told(variables: dict[str, str]) -> None:
    told = [random_split(training(fold), variables) for fold in ("0", "4", "all", "first")]
    assert told == [None] * 4
    warning = random_split(training("5"), variables)
    assert warning is not None and warning.value("count") == 5, "nnU-Net makes five"
    write_splits(variables, 6)
    assert random_split(training("5"), variables) is None
    warning = random_split(training("6"), variables)
    assert warning is not None and "6 folds" in phrase(warning, "en")
    assert random_split(training("7"), {}) is None, "where the data are is not known"


@pytest.mark.slow
@pytest.mark.parametrize("command", ["run", "train"])
def test_it_is_told_at_the_start_and_not_refused(command: str, variables: dict[str, str], tmp_path: Path) -> None:
    if command == "train":
        imported("nnunetv2")
    write_splits(variables, 5)
    words = ("train",) if command == "train" else ("run", "--", sys.executable, "-c", "print('ran')", "nnUNetv2_train")
    done = subprocess.run(
        [sys.executable, "-m", "holter", *words, "4", "2d", "7"],
        env=variables, cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.stderr.count(WARNING) == 1, done.stderr
    if command == "run":
        assert (done.returncode, done.stdout) == (0, "ran\n")
    else:
        assert "Traceback" in done.stdout + done.stderr, "it was started, and there are no plans"
