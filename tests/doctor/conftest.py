"""A prepared data set of one's own to spoil, and the command run for real."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from holter.demo.prepare import DATASET_NAME, Prepared

CASES = f"{DATASET_NAME}/nnUNetPlans_3d_fullres"


class World(NamedTuple):
    """nnU-Net's three folders, and where the cases lie."""

    root: Path
    cases: Path
    environment: dict[str, str]


@pytest.fixture
def world(brain: Prepared, tmp_path: Path) -> World:
    """A copy of the generated brains; raw images are not needed."""
    shutil.copytree(brain.preprocessed, tmp_path / "nnUNet_preprocessed")
    for name in ("nnUNet_raw", "nnUNet_results"):
        (tmp_path / name).mkdir()
    folders = {name: str(tmp_path / name) for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")}
    return World(tmp_path, tmp_path / "nnUNet_preprocessed" / CASES, {**brain.environment(), **folders})


Doctor = Callable[..., tuple[int, dict[str, Any]]]
HOLTER = [sys.executable, "-m", "holter", "doctor"]


@pytest.fixture
def doctor() -> Doctor:
    """``doctor("801", "3d_fullres", environment=…, through=["unshare", …])``: exit code and the JSON report."""

    def run(
        *arguments: str, environment: dict[str, str] | None = None, through: tuple[str, ...] = ()
    ) -> tuple[int, dict[str, Any]]:
        command = [*through, *HOLTER, *arguments, "--json", "--lang", "en", "--python", sys.executable]
        variables = {name: value for name, value in os.environ.items() if not name.startswith("nnUNet_")}
        done = subprocess.run(
            command, env={**variables, **(environment or {})}, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode in (0, 1), done.stderr + done.stdout
        return done.returncode, json.loads(done.stdout)

    return run


def check(report: dict[str, Any], name: str) -> dict[str, Any]:
    """What one check says in a report."""
    found: dict[str, Any] = next(check for check in report["checks"] if check["check"] == name)
    return found
