"""Data that nnU-Net 2.5 or older has preprocessed (``.npz``): nnU-Net 2.8 crashes on it, under care it trains."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from holter.demo.prepare import CONFIGURATION, DATASET_NAME
from holter.records import ActionTaken, EpochEnded, ProcessEnded
from supervisor.scene import Scene

pytestmark = pytest.mark.training

# As nnU-Net's own ``nnUNetDatasetNumpy.save_case`` stores a case.
ARCHIVES = """
import pathlib, sys
import blosc2, numpy
for file in pathlib.Path(sys.argv[1]).glob("*.b2nd"):
    if not file.stem.endswith("_seg"):
        seg = blosc2.open(str(file.with_name(f"{file.stem}_seg.b2nd")))[:]
        numpy.savez_compressed(file.with_suffix(".npz"), data=blosc2.open(str(file))[:], seg=seg)
for file in pathlib.Path(sys.argv[1]).glob("*.b2nd"):
    file.unlink()
"""


@pytest.fixture
def scene(brain, tmp_path: Path) -> Scene:
    preprocessed = tmp_path / "preprocessed"
    shutil.copytree(brain.preprocessed, preprocessed)
    cases = preprocessed / DATASET_NAME / f"nnUNetPlans_{CONFIGURATION}"
    subprocess.run([sys.executable, "-c", ARCHIVES, str(cases)], check=True)
    scene = Scene(brain, tmp_path)
    scene.extra = {"nnUNet_preprocessed": str(preprocessed)}
    scene.options = ("--epochs", "2", "--iterations", "10", "--val-iterations", "10", "--no-validation")
    return scene


@pytest.mark.long
@pytest.mark.parametrize("workers", ["2", "0"])
def test_under_care_it_trains_and_no_worker_dies(scene: Scene, workers: str) -> None:
    scene.heal = True
    scene.extra["nnUNet_n_proc_DA"] = workers
    assert scene.play(None).returncode == 0, scene.output()[-3000:]
    recording = scene.recording()
    assert len(recording.events(EpochEnded)) == 2
    assert [end for end in recording.events(ProcessEnded) if end.exit_signal == signal.SIGSEGV] == []
    assert [action for action in recording.events(ActionTaken) if action.action in ("replace-workers", "restart")] == []
