"""nnU-Net's folders as a study finds them: plans, preprocessed data, folds in every state."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from holter.linux.place import here
from holter.study.records import Cell, Job
from holter.study.selection import jobs_of
from holter.study.state.survey import look, survey
from holter.supervisor.state_folder import state_folders
from holter.tape.registry import Entry, new_file, read_all, write

DATASET = "Dataset004_Hippocampus"
CONFIGURATION = {
    "data_identifier": "nnUNetPlans_{name}",
    "patch_size": [32, 32, 32],
    "batch_size": 2,
    "spacing": [1.0, 1.0, 1.0],
}
EPOCH = """2026-11-28 10:{minute:02d}:00.000200: Epoch {epoch} 
2026-11-28 10:{minute:02d}:00.000300: Current learning rate: 0.01 
2026-11-28 10:{minute:02d}:30.000100: train_loss -0.4 
2026-11-28 10:{minute:02d}:30.000200: val_loss {loss} 
2026-11-28 10:{minute:02d}:30.000300: Pseudo dice [0.8] 
2026-11-28 10:{minute:02d}:30.000400: Epoch time: {seconds} s 
"""  # noqa: W291 - as nnU-Net writes it


class World:
    """Data sets, results and a registry below one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ = {
            name: str(folder / name) for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")
        } | {"XDG_STATE_HOME": str(folder / "state")}
        for path in self.environ.values():
            Path(path).mkdir(parents=True)
        self.dataset(DATASET)

    def dataset(self, name: str) -> None:
        """A data set with four configurations, as nnU-Net plans them."""
        folder = Path(self.environ["nnUNet_preprocessed"]) / name
        names = ("2d", "3d_fullres", "3d_lowres")
        own = {each: {**CONFIGURATION, "data_identifier": f"nnUNetPlans_{each}"} for each in names}
        own["3d_lowres"]["next_stage"] = "3d_cascade_fullres"
        own["3d_cascade_fullres"] = {"inherits_from": "3d_fullres", "previous_stage": "3d_lowres"}
        for each in names:
            (folder / f"nnUNetPlans_{each}").mkdir(parents=True)
        (folder / "nnUNetPlans.json").write_text(json.dumps({"configurations": own}))
        (folder / "dataset.json").write_text(json.dumps({"channel_names": {"0": "MRI"}, "labels": {"background": 0}}))

    def fold(self, configuration: str, fold: str, *files: str, dataset: str = DATASET) -> Path:
        """A fold's folder with these files in it."""
        model = Path(self.environ["nnUNet_results"]) / dataset / f"nnUNetTrainer__nnUNetPlans__{configuration}"
        folder = model / f"fold_{fold}"
        folder.mkdir(parents=True, exist_ok=True)
        for name in files:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text("x")
        return folder

    def done(self, configuration: str, fold: str) -> Path:
        """A fold that is trained and validated."""
        return self.fold(configuration, fold, "checkpoint_final.pth", "validation/summary.json")

    def log(self, folder: Path, epochs: int, *, seconds: float = 60.0, loss: float = -0.5) -> None:
        """A training log of so many whole epochs."""
        lines = [EPOCH.format(minute=n % 60, epoch=n, seconds=seconds, loss=loss) for n in range(epochs)]
        (folder / "training_log_2026_11_28_10_00_00.txt").write_text("".join(lines))

    def entry(self, folder: Path, **fields: object) -> None:
        """A recorded call of a fold."""
        place = {"host": "here", "place": here(), "pid": 1, "began": "2026-11-28T10:00:00+00:00"}
        seen = {"seen": "2026-11-28T11:00:00+00:00", "ended": "2026-11-28T11:00:00+00:00"}
        entry = Entry(tape=str(self.folder / "a.holter"), folder=str(folder), **{**place, **seen, **fields})
        state = next(iter(state_folders(self.environ)))
        state.mkdir(exist_ok=True)
        write(new_file(state, "here", os.getpid()), entry)

    def jobs(self, *configurations: str, folds: str = "0-4", dataset: str = "4") -> tuple[Job, ...]:
        """The jobs of one data set."""
        return jobs_of([dataset], configurations, [folds], self.environ)

    def cells(self, *configurations: str, folds: str = "0-4") -> tuple[Cell, ...]:
        """Their states."""
        folders = [next(iter(state_folders(self.environ)))]
        return survey(self.jobs(*configurations, folds=folds), look(read_all(folders), self.environ))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)
