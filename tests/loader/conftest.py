"""Data sets that several tests read, written once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from needs import imported

imported("nnunetv2")

from loader import data  # noqa: E402 -- which imports nnU-Net

SHAPES = [(40, 52, 48), (33, 60, 45), (28, 30, 36), (20, 64, 40), (50, 34, 38), (64, 24, 30)]


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six cases in a folder; tests that change files take ``cases``."""
    folder = tmp_path_factory.mktemp("loader") / "nnUNetPlans_3d_fullres"
    folder.mkdir()
    for number, shape in enumerate(SHAPES):
        data.save(folder, f"case_{number:03d}", shape, seed=number)
    return folder


@pytest.fixture
def cases(written: Path, tmp_path: Path) -> Path:
    """A copy of ``written`` to damage."""
    return Path(shutil.copytree(written, tmp_path / "cases"))
