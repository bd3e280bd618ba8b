"""Real, shortened trainings as a study: a folder, a trainer whose result is known, a study file."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.study.ending import SCENE
from holter.demo.prepare import CONFIGURATION, DATASET_NAME, Prepared

EPOCHS = 3
LOCAL = 'slots = 2\nspacing = 0\nkeep-going = true\nout = "out"\nextra = ["--loader", "stock"]\n'
# A real forward and backward pass for each batch; the weights change once an epoch, by an amount that depends on the
# epoch alone. So weights and summary.json are equal to those of an undisturbed training exactly if every epoch counted
# once, in its order.
TRAINER = """
import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
class {name}(nnUNetTrainer):
    def __init__(self, plans, configuration, fold, dataset_json, device=torch.device("cuda")):
        super().__init__(plans, configuration, fold, dataset_json, device)
        self.num_epochs, self.num_iterations_per_epoch, self.num_val_iterations_per_epoch = {epochs}, {steps}, 1
        self.initial_lr = 0.0
    def initialize(self):
        torch.manual_seed(int(self.fold))
        super().initialize()
    def on_train_epoch_end(self, train_outputs):
        with torch.no_grad():
            for weights in self.network.parameters():
                weights.add_(0.001 * (self.current_epoch + 1) * weights.sign())
        super().on_train_epoch_end(train_outputs)
    def perform_actual_validation(self, save_probabilities=False):
        self.inference_allowed_mirroring_axes = None  # an eighth of the predictions
        super().perform_actual_validation(save_probabilities)
"""


class Length(NamedTuple):
    """How many trainings, and how they are disturbed."""

    trainers: int
    folds: int
    steps: int  # of an epoch
    kills: int
    nodes: int = 0  # that are killed

    @property
    def trainings(self) -> int:
        """Number of trainings."""
        return self.trainers * self.folds


class Scene:
    """One results folder and calls of ``holter study`` on it."""

    def __init__(
        self, brains: Prepared, folder: Path, length: Length, trainer: str = TRAINER, epochs: int = EPOCHS
    ) -> None:
        self.folder, self.length, self.results = folder, length, folder / "results"
        for name in ("results", "trainers", "state", "tmp"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        self.trainers = [f"nnUNetTrainerStudied{'ABC'[number]}" for number in range(length.trainers)]
        groups = []
        for name in self.trainers:
            text = trainer.format(name=name, epochs=epochs, steps=length.steps)
            (folder / "trainers" / f"{name}.py").write_text(text)
            groups.append(f'[[trainings]]\ntrainer = "{name}"\n')
        self._what = (
            f'datasets = "{DATASET_NAME}"\nconfigurations = "{CONFIGURATION}"\nfolds = "0-{length.folds - 1}"\n'
        )
        self._groups = "".join(groups)
        self.file = self.file_with(LOCAL)
        self.environ = {
            **os.environ,
            **brains.environment(),
            "nnUNet_results": str(self.results),
            "nnUNet_extTrainer": str(folder / "trainers"),
            "XDG_STATE_HOME": str(folder / "state"),
            "TMPDIR": str(folder / "tmp"),
            "HOLTER_CHECKPOINT_EVERY_S": "0",
            "nnUNet_def_n_proc": "1",  # each imports torch
            "HOLTER_LANG": "en",
            SCENE: str(folder),  # to find whatever belongs to it
        }
        self.environ.pop("nnUNet_n_proc_DA", None)  # the study divides the CPUs
        # As installed by pip, which compiles. Without it every start would compile all of Holter again.
        self.environ.pop("PYTHONDONTWRITEBYTECODE", None)

    def file_with(self, options: str) -> Path:
        """Write the study file with these options, and return it."""
        file = self.folder / "study.toml"
        file.write_text(self._what + options + self._groups)
        return file

    def run(self, *options: str, environ: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start ``holter study run``; what it says is appended to a file. ``environ``: of a cluster, beside ours."""
        with self.said.open("ab") as said:
            return subprocess.Popen(
                [sys.executable, "-m", "holter", "study", "run", str(self.file), "--retry", *options],
                cwd=self.folder,
                env={**(environ or {}), **self.environ},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )

    @property
    def said(self) -> Path:
        """What all calls have said."""
        return self.folder / "said.txt"

    def states(self) -> list[str]:
        """The state of every training, as ``holter study status`` shows it."""
        command = [sys.executable, "-m", "holter", "study", "status", str(self.file), "--json"]
        done = subprocess.run(command, cwd=self.folder, env=self.environ, capture_output=True, text=True, check=True)
        return [each["state"] for each in json.loads(done.stdout)["trainings"]]

    def done(self) -> int:
        """Return how many folds have all their files; cheap."""
        files = ("checkpoint_final.pth", "validation/summary.json")
        return sum(all((fold / name).exists() for name in files) for fold in self.folds())

    def folds(self) -> list[Path]:
        """The folders of all folds."""
        names = [f"{trainer}__nnUNetPlans__{CONFIGURATION}" for trainer in self.trainers]
        return [
            self.results / DATASET_NAME / name / f"fold_{fold}" for name in names for fold in range(self.length.folds)
        ]


def epochs_begun(fold: Path) -> list[int]:
    """Return every epoch that was begun, over all starts."""
    logs = sorted(fold.glob("training_log_*.txt"))
    return [int(n) for log in logs for n in re.findall(r": Epoch (\d+) *$", log.read_text(), re.MULTILINE)]


def outcome_of(fold: Path) -> Any:
    """Return the content of ``summary.json`` without its paths; None if there is none."""
    try:
        content = json.loads((fold / "validation/summary.json").read_text())
    except (OSError, ValueError):
        return None
    for case in content.get("metric_per_case", []):
        for name in ("prediction_file", "reference_file"):
            case[name] = Path(case[name]).name
    # NaN is not equal to itself.
    return json.loads(json.dumps(content).replace("NaN", '"NaN"'))
