"""``holter bench`` on generated brains, and what it says if it cannot measure."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from holter.demo.prepare import CONFIGURATION, DATASET_NAME, Prepared
from trainer.scene import FEATURES, PATCH

HOLTER = [sys.executable, "-m", "holter", "bench"]
LIMIT_S = 1200  # a busy machine

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(brain: Prepared, tmp_path: Path) -> Run:
    """Runs the command with a smaller plan, its own results and its own folder for temporary files."""
    small = tmp_path / "nnUNet_preprocessed" / DATASET_NAME
    small.mkdir(parents=True)
    for entry in (brain.preprocessed / DATASET_NAME).iterdir():
        if entry.name not in ("nnUNetPlans.json", "splits_final.json"):
            (small / entry.name).symlink_to(entry)
    plans = json.loads((brain.preprocessed / DATASET_NAME / "nnUNetPlans.json").read_text())
    stages = len(FEATURES)
    planned = plans["configurations"][CONFIGURATION]
    planned["patch_size"] = PATCH
    planned["architecture"]["arch_kwargs"] |= {
        "n_stages": stages,
        "features_per_stage": FEATURES,
        "kernel_sizes": [[3, 3, 3]] * stages,
        "strides": [[1, 1, 1]] + [[2, 2, 2]] * (stages - 1),
        "n_conv_per_stage": [1] * stages,
        "n_conv_per_stage_decoder": [1] * (stages - 1),
    }
    (small / "nnUNetPlans.json").write_text(json.dumps(plans))
    for name in ("nnUNet_results", "tmp"):
        (tmp_path / name).mkdir()

    def with_options(*options: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            **brain.environment(),
            "nnUNet_n_proc_DA": "2",
            "nnUNet_preprocessed": str(small.parent),
            "nnUNet_results": str(tmp_path / "nnUNet_results"),
            "TMPDIR": str(tmp_path / "tmp"),
            **variables,
        }
        command = [*HOLTER, *options, "--lang", "en", "--python", variables.get("PYTHON", sys.executable)]
        return subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=LIMIT_S, check=False
        )

    return with_options


def contents(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


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
    assert "-m pip install holter" in done.stderr


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
