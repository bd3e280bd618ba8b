"""Real trainings in a local queue: killed, interrupted and called again, each fold is trained once."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from holter.demo.prepare import CONFIGURATION, DATASET_NAME, Prepared

pytestmark = [pytest.mark.training, pytest.mark.long]

EPOCHS = 3
# Only what hangs takes as long; beside much other work a training takes ten times its minute.
MOST_S = 1200.0
TRAINER = """
import os, time
import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
class nnUNetTrainerForStudy(nnUNetTrainer):
    def __init__(self, plans, configuration, fold, dataset_json, device=torch.device("cuda")):
        super().__init__(plans, configuration, fold, dataset_json, device)
        self.num_epochs, self.num_iterations_per_epoch, self.num_val_iterations_per_epoch = EPOCHS, 2, 1
    def on_train_epoch_start(self):
        super().on_train_epoch_start()
        while os.path.exists(os.environ["SLOW_WHILE"]) and self.current_epoch:
            time.sleep(0.2)
    def run_training(self):
        if os.environ.get("FAIL_FOLD") == str(self.fold):
            raise RuntimeError("this fold fails")
        super().run_training()
    def perform_actual_validation(self, save_probabilities=False):
        os.makedirs(self.output_folder + "/validation", exist_ok=True)
        open(self.output_folder + "/validation/summary.json", "w").write("{}")
""".replace("EPOCHS", str(EPOCHS))


class Study:
    """A results folder and calls of ``holter study`` on it."""

    def __init__(self, brain: Prepared, folder: Path) -> None:
        for name in ("results", "trainers", "state"):
            (folder / name).mkdir()
        (folder / "trainers" / "nnUNetTrainerForStudy.py").write_text(TRAINER)
        self.folder, self.slow = folder, folder / "slow"
        self.environ = {
            **os.environ,
            **brain.environment(),
            "HOLTER_LOADER": "stock",
            "nnUNet_results": str(folder / "results"),
            "nnUNet_extTrainer": str(folder / "trainers"),
            "XDG_STATE_HOME": str(folder / "state"),
            "HOLTER_CHECKPOINT_EVERY_S": "0",
            "SLOW_WHILE": str(self.slow),
            "STUDY_OF": str(folder),  # to find whatever is left of it
        }

    def start(self, *options: str, python: Path | None = None) -> subprocess.Popen[str]:
        """Start ``study run``; ``python``: what runs its trainings."""
        words = ["run", DATASET_NAME, "-c", CONFIGURATION, "-f", "0-1", "-tr", "nnUNetTrainerForStudy", "--slots", "2"]
        code = f"import sys; from holter.cli import main; sys.executable = {str(python or sys.executable)!r}; main()"
        out = ("--spacing", "0", "--out", str(self.folder))
        command = [sys.executable, "-c", code, "study", *words, *out, *options]
        return subprocess.Popen(command, env=self.environ, stderr=subprocess.PIPE, text=True)

    def states(self) -> list[str]:
        words = ["status", DATASET_NAME, "-c", CONFIGURATION, "-f", "0-1", "-tr", "nnUNetTrainerForStudy", "--json"]
        command = [sys.executable, "-m", "holter", "study", *words]
        done = subprocess.run(command, env=self.environ, capture_output=True, text=True, check=True)
        return [each["state"] for each in json.loads(done.stdout)["trainings"]]

    def epochs(self, fold: int) -> list[int]:
        """Every epoch that was begun, over all starts."""
        logs = sorted(self.folder.glob(f"results/*/*/fold_{fold}/training_log_*.txt"), key=lambda log: log.name)
        return [int(n) for log in logs for n in re.findall(r": Epoch (\d+) *$", log.read_text(), re.MULTILINE)]

    def processes(self) -> list[psutil.Process]:
        left = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("STUDY_OF") == str(self.folder) and process.status() != psutil.STATUS_ZOMBIE:
                    left.append(process)
            except psutil.Error:
                continue
        return left

    def consoles(self) -> str:
        return "\n".join(file.read_text(errors="replace")[-2000:] for file in self.folder.glob("*.out"))


@pytest.fixture
def study(brain: Prepared, tmp_path: Path):
    made = Study(brain, tmp_path)
    yield made
    for process in made.processes():
        process.kill()


def wait(look: Callable[[], bool], study: Study, within_s: float = MOST_S) -> None:
    until_s = time.monotonic() + within_s
    while not look():
        assert time.monotonic() < until_s, study.consoles()
        time.sleep(0.5)


def both_in_epoch_1(study: Study) -> bool:
    return all(1 in study.epochs(fold) for fold in (0, 1))


def test_a_queue_that_is_killed_goes_on_with_what_runs_and_trains_nothing_twice(study: Study) -> None:
    study.slow.touch()
    first = study.start()
    wait(lambda: both_in_epoch_1(study), study)
    first.kill()
    first.communicate()
    assert study.states() == ["running", "running"]
    second = study.start()
    time.sleep(3)
    study.slow.unlink()
    _, said = second.communicate(timeout=MOST_S)
    assert second.returncode == 0, said + study.consoles()
    assert said.count("runs already") == 2 and not re.search(r"\d started ", said)
    assert study.states() == ["done", "done"]
    assert study.epochs(0) == study.epochs(1) == list(range(EPOCHS))


def test_two_queues_of_one_study_at_the_same_moment_train_each_fold_once(study: Study) -> None:
    both = [study.start(), study.start()]
    said = [queue.communicate(timeout=MOST_S)[1] for queue in both]
    assert [queue.returncode for queue in both] == [0, 0], "\n".join(said) + study.consoles()
    assert study.states() == ["done", "done"]
    assert study.epochs(0) == study.epochs(1) == list(range(EPOCHS))


def test_folds_that_ended_between_the_look_and_the_lock_of_another_queue_are_not_started_again(study: Study) -> None:
    slowly, begun, hold = (study.folder / name for name in ("slowly", "begun", "hold"))
    slowly.write_text(
        f'#!/bin/bash\necho >> {begun}\nwhile [ -e {hold} ]; do sleep 0.1; done\nexec {sys.executable} "$@"\n'
    )
    slowly.chmod(0o755)
    hold.touch()
    late = study.start(python=slowly)
    wait(lambda: begun.exists() and len(begun.read_text()) == 2, study)  # it has looked, and has no lock yet
    quick = study.start()
    _, said = quick.communicate(timeout=MOST_S)
    assert quick.returncode == 0 and study.states() == ["done", "done"], said + study.consoles()
    logs = sorted(study.folder.glob("results/*/*/fold_*/training_log_*.txt"))
    hold.unlink()
    _, said = late.communicate(timeout=MOST_S)
    assert late.returncode == 0 and len(re.findall(r"done: .*fold", said)) == 2, said + study.consoles()
    assert logs == sorted(study.folder.glob("results/*/*/fold_*/training_log_*.txt")) and len(logs) == 2
    assert study.epochs(0) == study.epochs(1) == list(range(EPOCHS))


def test_ctrl_c_saves_and_twice_leaves_nothing_and_the_same_command_goes_on(study: Study) -> None:
    study.slow.touch()
    queue = study.start()
    wait(lambda: both_in_epoch_1(study), study)
    queue.send_signal(signal.SIGINT)
    time.sleep(1.0)
    queue.send_signal(signal.SIGINT)
    _, said = queue.communicate(timeout=MOST_S)
    assert queue.returncode == 130 and "killed" in said
    wait(lambda: not study.processes(), study, 60)
    assert study.states() == ["unfinished", "unfinished"]
    study.slow.unlink()
    queue = study.start()
    wait(lambda: any(2 in study.epochs(fold) for fold in (0, 1)), study)
    queue.send_signal(signal.SIGINT)
    _, said = queue.communicate(timeout=MOST_S)
    assert queue.returncode in (130, 0), said
    wait(lambda: not study.processes(), study, 60)
    queue = study.start()
    _, said = queue.communicate(timeout=MOST_S)
    assert queue.returncode == 0, said + study.consoles()
    assert study.states() == ["done", "done"]
    # One epoch at most is repeated for each of two interruptions.
    assert all(len(study.epochs(fold)) <= EPOCHS + 2 for fold in (0, 1))


def test_a_fold_that_fails_is_set_aside_with_its_reason_while_the_other_goes_on(study: Study) -> None:
    study.environ["FAIL_FOLD"] = "0"
    queue = study.start("--keep-going")
    _, said = queue.communicate(timeout=MOST_S)
    assert queue.returncode == 1
    assert re.search(r"set aside: .*fold 0", said) and re.search(r"done: .*fold 1", said), said
    assert study.states() == ["broken", "done"]
    again = study.start()
    _, said = again.communicate(timeout=MOST_S)
    assert again.returncode == 1 and "--retry" in said and not re.search(r"\d started ", said)
