"""Older batchgeneratorsv2, really installed: Holter's transforms do what each of them does."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PROVE = """
import importlib.metadata, sys
from batchgeneratorsv2.transforms.spatial.spatial import SpatialTransform
from trainer.auto.test_proof import CHOSEN, proved
print(sys.modules[SpatialTransform.__module__].__file__)
print(importlib.metadata.version("batchgeneratorsv2"), {name: proved(name) for name in CHOSEN})
"""
WRONG = "from holter.transforms.spatial import spatial; spatial.rotates_by_transpose = lambda _: {wrong}\n"


def with_version(version: str, folder: Path) -> dict[str, str]:
    """Return the environment variables with which this version is imported; skip without its wheel."""
    download = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder)]
    done = subprocess.run([*download, f"batchgeneratorsv2=={version}"], capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if not wheels:
        pytest.skip(f"pip cannot get batchgeneratorsv2 {version} here: {done.stderr.strip()[-200:]}")
    with zipfile.ZipFile(wheels[0]) as wheel:
        wheel.extractall(folder / "old")
    return {**os.environ, "PYTHONPATH": os.pathsep.join((str(folder / "old"), *sys.path))}


@pytest.mark.long
@pytest.mark.parametrize("version", ["0.3.2", pytest.param("0.3.3", marks=pytest.mark.sample), "0.3.4", "0.3.5"])
def test_an_older_version_is_proved_equal(version: str, tmp_path: Path) -> None:
    variables = with_version(version, tmp_path)
    told = subprocess.run([sys.executable, "-c", PROVE], env=variables, capture_output=True, text=True, check=True)
    place, said = told.stdout.strip().splitlines()[-2:]
    assert str(tmp_path) in place and said.startswith(f"{version} ")
    assert said.count(": None") == said.count(":")
    spatial = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:xdist",
        str(ROOT / "tests/transforms/spatial/test_spatial.py"),
    ]
    done = subprocess.run(spatial, env=variables, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]


@pytest.mark.long
@pytest.mark.parametrize(("version", "wrong"), [("0.3.3", False), ("0.3.5", True)])
def test_the_proof_finds_a_rotation_of_the_other_direction(version: str, wrong: bool, tmp_path: Path) -> None:
    code = WRONG.format(wrong=wrong) + PROVE.replace("for name in CHOSEN", "for name in ['3D', '2D']")
    variables = with_version(version, tmp_path)
    told = subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=True)
    assert told.stdout.count("SpatialTransform gives another result here") == 2
