"""``holter bench`` on generated brains, and what it says if it cannot measure."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.conftest import LIMIT_S, Run, contents
from holter.demo.prepare import CONFIGURATION
from holter.install import holter_line
from trainer.scene import PATCH


@pytest.fixture
def run(holter: Run) -> Run:
    return lambda *options, **variables: holter("bench", *options, **variables)


@pytest.mark.long
def test_a_training_is_measured_whole_and_nothing_is_left_or_changed(run: Run, tmp_path: Path) -> None:
    before = contents(tmp_path / "nnUNet_preprocessed")
    done = run("801", CONFIGURATION, "--seconds", "5", "--anyway", "--json")
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    measured = report["measured"]
    assert measured["device"] == "cpu"
    assert measured["equal"] == 11
    assert (measured["patch_size"], measured["batch_size"], measured["iterations"]) == (PATCH, 2, 250)
    for side in (measured["stock"], measured["holter"]):
        assert all(side[part]["per_s"] > 0 for part in ("a_core", "warm", "together"))
    assert measured["stock"]["readers"] == min(2, os.cpu_count() or 1)
    assert measured["checkpoint_bytes"] > 10_000
    assert {row["key"] for row in report["rows"]} >= {"network", "together.stock", "together.holter", "hand-over.stock"}
    assert [forecast["loader"] for forecast in report["forecasts"]] == ["stock", "holter"]
    assert report["command"].startswith("holter train Dataset801_HolterBrain 3d_fullres 0")
    # Nothing of it is left, and no split was written beside the data.
    assert list((tmp_path / "tmp").iterdir()) == []
    assert list((tmp_path / "nnUNet_results").iterdir()) == []
    assert contents(tmp_path / "nnUNet_preprocessed") == before


def test_an_unknown_trainer_is_named(run: Run, tmp_path: Path) -> None:
    done = run("801", CONFIGURATION, "-tr", "nnUNetTrainerNobodyWrote", "--anyway")
    assert done.returncode == 2
    assert "The trainer nnUNetTrainerNobodyWrote cannot be found or imported:" in done.stderr
    assert "nnUNet_extTrainer" in done.stderr
    assert list((tmp_path / "tmp").iterdir()) == []


OWN_LOADERS = """
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer


class nnUNetTrainerOwnLoaders(nnUNetTrainer):
    def get_dataloaders(self):
        return iter(()), iter(())
"""


def test_why_a_trainer_with_own_loaders_is_not_measured_is_said_in_the_language_of_the_user(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "trainers").mkdir()
    (tmp_path / "trainers" / "nnUNetTrainerOwnLoaders.py").write_text(OWN_LOADERS)
    trainers = str(tmp_path / "trainers")
    done = run(
        "801", CONFIGURATION, "-tr", "nnUNetTrainerOwnLoaders", "--anyway", "--lang", "zh", nnUNet_extTrainer=trainers
    )
    assert done.returncode == 2
    assert "nnUNetTrainerOwnLoaders 用自己的方式生成批次：这个训练器用自己的方式生成批次" in done.stderr


def test_a_python_without_torch_is_named_with_the_command_that_installs_it(run: Run, tmp_path: Path) -> None:
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "torch.py").write_text("raise ImportError('libtorch.so: cannot open shared object file')")
    done = run("801", CONFIGURATION, "--anyway", PYTHONPATH=str(tmp_path / "path"))
    assert done.returncode == 2
    assert "cannot import torch: ImportError: libtorch.so" in done.stderr
    assert f"{sys.executable} -m pip install torch" in done.stderr


def test_a_python_without_holter_is_named(run: Run, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True, timeout=LIMIT_S)
    done = run("801", CONFIGURATION, "--anyway", PYTHON=str(bare))
    assert done.returncode == 2
    assert "Holter is not installed for" in done.stderr
    assert holter_line(str(bare / "bin" / "python")) in done.stderr


def test_names_that_do_not_exist_are_answered_with_this_command(run: Run) -> None:
    assert "holter bench 801 3d_fullres" in run("801", "3d_fullre", "--anyway").stderr
    assert "holter bench" in run("Dataset801_HolterBrian", "2d", "--anyway").stderr


def test_data_that_are_not_preprocessed_name_the_command_that_does_it(run: Run, tmp_path: Path) -> None:
    (tmp_path / "raw" / "Dataset007_New").mkdir(parents=True)
    done = run("7", CONFIGURATION, "--anyway", nnUNet_raw=str(tmp_path / "raw"))
    assert done.returncode == 2
    assert "nnUNetv2_plan_and_preprocess -d 7" in done.stderr


def test_a_process_that_is_killed_is_said_to_be_and_leaves_nothing(run: Run, tmp_path: Path) -> None:
    """As the kernel does when memory ends."""
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "torch.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    done = run("801", CONFIGURATION, "--anyway", PYTHONPATH=str(tmp_path / "path"))
    assert done.returncode == 2
    assert "killed by signal 9" in done.stderr
    assert list((tmp_path / "tmp").iterdir()) == []
