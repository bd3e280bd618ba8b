"""The script of docs/how-to/slurm.md under a real Slurm: stopped before its time limit, put back, finished."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from benchmarks.study.slurm import Slurm, running

from holter.demo.prepare import CONFIGURATION, DATASET_NAME, Prepared
from needs import needs

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "slurm.md"
TRAINING = "holter train 4 3d_fullres 0"
# Slurm looks at time limits every 30 s: a job of one minute gets its signal 10 to 40 s after it began.
LIMIT = ("--time=1", "--signal=B:USR1@20")
EPOCHS = 14
# Epochs of three seconds until the job is put back, then short ones: by the clock, not by the speed of the machine.
TRAINER = """
import os, time
import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
class nnUNetTrainerForSlurm(nnUNetTrainer):
    def __init__(self, plans, configuration, fold, dataset_json, device=torch.device("cuda")):
        super().__init__(plans, configuration, fold, dataset_json, device)
        self.num_epochs, self.num_iterations_per_epoch, self.num_val_iterations_per_epoch = EPOCHS, 2, 1
    def on_train_epoch_start(self):
        super().on_train_epoch_start()
        time.sleep(3.0 * os.path.exists(os.environ["SLOW_WHILE"]))
    def perform_actual_validation(self, save_probabilities=False):
        pass
""".replace("EPOCHS", str(EPOCHS))

pytestmark = [pytest.mark.training, pytest.mark.sample, needs("slurm", "root")]


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    with running(tmp_path_factory.mktemp("slurm")) as slurm:
        yield slurm


def script(folder: Path, training: str) -> Path:
    """The page's script with another training."""
    (found,) = [block for block in re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL) if "#SBATCH" in block]
    assert found.count(TRAINING) == 1
    file = folder / "job.sh"
    file.write_text(found.replace(TRAINING, training))
    return file


def wait(look: Callable[[], bool], within_s: float, slurm: Slurm, output: Path) -> None:
    until_s = time.monotonic() + within_s
    while not look():
        told = output.read_text(errors="replace")[-3000:] if output.exists() else ""
        assert time.monotonic() < until_s, told + slurm.logs()
        time.sleep(0.5)


def epochs(folder: Path) -> list[list[int]]:
    """Of every start, oldest first: the epochs that it began."""
    logs = sorted(folder.rglob("training_log_*.txt"), key=lambda log: log.stat().st_mtime)
    return [[int(number) for number in re.findall(r"Epoch (\d+) *$", log.read_text(), re.MULTILINE)] for log in logs]


def test_the_script_of_the_page_is_put_back_before_its_time_is_over_and_finishes(slurm, brain: Prepared, tmp_path):
    for name in ("results", "trainers"):
        (tmp_path / name).mkdir()
    (tmp_path / "trainers" / "nnUNetTrainerForSlurm.py").write_text(TRAINER)
    slow = tmp_path / "slow"
    slow.touch()
    training = f"holter train {DATASET_NAME} {CONFIGURATION} 0 -tr nnUNetTrainerForSlurm -device cpu"
    output = tmp_path / "job.out"
    where = (f"--output={output}", f"--chdir={tmp_path}")
    variables = {
        **brain.environment(),
        "HOLTER_LOADER": "stock",  # what is tried here has nothing to do with the choice of a loader
        "nnUNet_results": str(tmp_path / "results"),
        "nnUNet_extTrainer": str(tmp_path / "trainers"),
        "HOLTER_CHECKPOINT_EVERY_S": "0",
        "SLOW_WHILE": str(slow),
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
    }
    number = slurm.submit(script(tmp_path, training), variables, *LIMIT, *where)
    wait(lambda: slurm.job(number).get("Restarts") == "1", 120, slurm, output)
    slow.unlink()
    slurm.control("update", f"JobId={number}", "TimeLimit=10")  # enough for what is left
    wait(lambda: slurm.job(number).get("JobState") in ("COMPLETED", "FAILED"), 120, slurm, output)
    job = slurm.job(number)
    assert (job["JobState"], job["ExitCode"], job["Restarts"]) == ("COMPLETED", "0:0", "1")
    first, second = epochs(tmp_path)
    assert first and first == list(range(len(first))) and second[-1] == EPOCHS - 1
    assert second == list(range(len(first), EPOCHS)), "the epoch that was stopped after was saved, and none is repeated"
    assert "continues from checkpoint_latest.pth" in output.read_text(errors="replace")
    assert list(tmp_path.rglob("checkpoint_final.pth"))


def test_what_holter_gave_up_is_not_put_back(slurm, tmp_path):
    holter = tmp_path / "holter"
    holter.write_text("#!/bin/sh\nexit 76\n")
    holter.chmod(0o755)
    output = tmp_path / "job.out"
    variables = {"PATH": os.pathsep.join((str(tmp_path), os.environ["PATH"]))}
    number = slurm.submit(script(tmp_path, TRAINING), variables, *LIMIT, f"--output={output}")
    wait(lambda: slurm.job(number).get("JobState") not in ("PENDING", "RUNNING", "COMPLETING"), 30, slurm, output)
    job = slurm.job(number)
    assert (job["JobState"], job["ExitCode"], job["Restarts"]) == ("FAILED", "76:0", "0")
