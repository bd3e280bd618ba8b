"""A data set of generated brains with a smaller plan, and commands that measure it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from holter.demo.prepare import CONFIGURATION, DATASET_NAME, Prepared
from trainer.scene import FEATURES, PATCH

HOLTER = [sys.executable, "-m", "holter"]
LIMIT_S = 1200  # a busy machine

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def environment(brain: Prepared, tmp_path: Path) -> dict[str, str]:
    """With a smaller plan, its own results and its own folder for temporary files."""
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

    return {
        **os.environ,
        **brain.environment(),
        "nnUNet_n_proc_DA": "2",
        "nnUNet_preprocessed": str(small.parent),
        "nnUNet_results": str(tmp_path / "nnUNet_results"),
        "TMPDIR": str(tmp_path / "tmp"),
    }


@pytest.fixture
def holter(environment: dict[str, str], tmp_path: Path) -> Run:
    """Runs a command in that environment, with variables of its own."""

    def with_options(*options: str, **variables: str) -> subprocess.CompletedProcess[str]:
        lang = () if "--lang" in options else ("--lang", "en")
        command = [*HOLTER, *options, *lang, "--python", variables.get("PYTHON", sys.executable)]
        return subprocess.run(
            command,
            env={**environment, **variables},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )

    return with_options


def contents(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }
