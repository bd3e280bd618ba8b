"""The shim by which nnU-Net's search for trainers works beside a CPU-only torch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from needs import imported

SHIM = Path(__file__).with_name("cpu_torchvision")
FIND_A_TRAINER = """
import nnunetv2, os
from nnunetv2.utilities.find_class_by_name import recursive_find_python_class as find
folder = os.path.join(nnunetv2.__path__[0], "training", "nnUNetTrainer")
print(find(folder, "nnUNetTrainer_5epochs", "nnunetv2.training.nnUNetTrainer").__name__)
"""


def run(program: str, *folders: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, folders))}
    return subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_nnunet_finds_a_trainer_by_name_with_the_shim() -> None:
    imported("nnunetv2")
    found = run(FIND_A_TRAINER, SHIM)
    assert found.stdout.strip().endswith("nnUNetTrainer_5epochs"), found.stderr[-2000:]


def test_the_shim_lets_another_sitecustomize_run(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('the other one')")
    assert run("", SHIM, tmp_path).stdout == "the other one\n"
