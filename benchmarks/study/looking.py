"""What a look at 300 trainings costs: ``holter study status``, by the clock, from the start of Python to its end."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from holter.linux.place import here
from holter.supervisor.state_folder import state_folders
from holter.tape.registry import Entry, new_file, write

DATASETS, CONFIGURATIONS, FOLDS, EPOCHS = 20, ("2d", "3d_fullres", "3d_lowres"), range(5), 300
EPOCH = """2026-11-28 10:00:00.000200: Epoch {epoch} 
2026-11-28 10:00:30.000200: val_loss -0.5 
2026-11-28 10:00:30.000400: Epoch time: 60.0 s 
"""  # noqa: W291 - as nnU-Net writes it


class Look(NamedTuple):
    """What a look takes, median: by the clock, and of the CPUs, which others that use the machine change little."""

    wall_s: float
    cpu_s: float


def status_s(folder: Path, times: int) -> Look:
    """Return what a look takes."""
    environ = {**os.environ, **_made(folder)}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)  # as installed by pip, which compiles
    names = [f"Dataset{number:03d}_Many" for number in range(10, 10 + DATASETS)]
    command = [sys.executable, "-m", "holter", "study", "status", *names, "-c", *CONFIGURATIONS, "--json"]
    looks = []
    for _ in range(1 + times):  # the first one compiles, and fills the cache of the disk
        began = os.times()
        done = subprocess.run(command, env=environ, capture_output=True, check=True)
        ended = os.times()
        cpu_s = ended.children_user + ended.children_system - began.children_user - began.children_system
        looks.append(Look(ended.elapsed - began.elapsed, cpu_s))
        assert len(json.loads(done.stdout)["trainings"]) == DATASETS * len(CONFIGURATIONS) * len(FOLDS)
    return Look(*(statistics.median(each) for each in zip(*looks[1:], strict=True)))


def _made(folder: Path) -> dict[str, str]:
    environ = {name: str(folder / name) for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")}
    environ["XDG_STATE_HOME"] = str(folder / "state")
    for path in environ.values():
        Path(path).mkdir(parents=True)
    state = next(iter(state_folders(environ)))
    state.mkdir(exist_ok=True)
    log = "".join(EPOCH.format(epoch=epoch) for epoch in range(EPOCHS))
    own = {"patch_size": [32, 32, 32], "batch_size": 2, "spacing": [1.0, 1.0, 1.0]}
    for number in range(10, 10 + DATASETS):
        name = f"Dataset{number:03d}_Many"
        data = folder / "nnUNet_preprocessed" / name
        for each in CONFIGURATIONS:
            (data / f"nnUNetPlans_{each}").mkdir(parents=True)
        plans = {each: {**own, "data_identifier": f"nnUNetPlans_{each}"} for each in CONFIGURATIONS}
        (data / "nnUNetPlans.json").write_text(json.dumps({"configurations": plans}))
        (data / "dataset.json").write_text(json.dumps({"channel_names": {"0": "MRI"}, "labels": {"background": 0}}))
        for each in CONFIGURATIONS:
            for fold in FOLDS:
                results = folder / "nnUNet_results" / name / f"nnUNetTrainer__nnUNetPlans__{each}" / f"fold_{fold}"
                _fold(results, log)
                entry = Entry(
                    tape=str(folder / "a.holter"), host="here", place=here(), pid=1, state="requeue", stopped=1,
                    began="2026-11-28T10:00:00+00:00", seen="2026-11-28T11:00:00+00:00",
                    ended="2026-11-28T11:00:00+00:00", lost_s=1.0, lost_by_cause={"slow-storage": 1.0},
                    folder=str(results),
                )  # fmt: skip
                write(new_file(state, "here", os.getpid()), entry)
    return environ


def _fold(folder: Path, log: str) -> None:
    folder.mkdir(parents=True)
    (folder / "checkpoint_latest.pth").write_text("x")
    (folder / "training_log_2026_11_28_10_00_00.txt").write_text(log)
