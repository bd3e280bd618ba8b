"""Two trainings side by side on the CPUs of this machine: what it brings to divide the CPUs between them.

Both trainings are as ``holter study`` starts them, with nnU-Net's own data workers. Once with the variables that the
study gives to each of two slots; once with none of them set, as two terminals would start them.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from benchmarks.study.killing import end
from benchmarks.study.scene import Length, Scene
from holter.demo.prepare import CONFIGURATION, DATASET_NAME, Prepared
from holter.probes.machine.cgroup import effective_cpus
from holter.study.queue import Slot
from holter.study.slots import SLOT, THREADS, WORKERS, variables_of

# Writes one byte a step, so that steps are counted without waiting for the end of an epoch.
COUNTING = """
import os
import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
class {name}(nnUNetTrainer):
    def __init__(self, plans, configuration, fold, dataset_json, device=torch.device("cuda")):
        super().__init__(plans, configuration, fold, dataset_json, device)
        self.num_epochs, self.num_iterations_per_epoch, self.num_val_iterations_per_epoch = {epochs}, {steps}, 1
    def train_step(self, batch):
        result = super().train_step(batch)
        with open(os.path.join(os.environ["COUNTED"], str(self.fold)), "ab") as file:
            file.write(b".")
        return result
"""
SIDES = 2
# The first steps fill caches and the queues of the workers.
WARM_STEPS = 10
STARTS_WITHIN_S = 300.0


class Beside(NamedTuple):
    """Steps per second of two trainings together, median of the rounds."""

    divided: float
    unset: float


def beside(brains: Prepared, folder: Path, seconds: float, rounds: int) -> Beside:
    """Measure both ways in turn, ``rounds`` times for so many seconds."""
    rates: dict[bool, list[float]] = {True: [], False: []}
    for number in range(rounds):
        for divide in (True, False):
            place = folder / f"{number}-{'divided' if divide else 'unset'}"
            rates[divide].append(_steps_per_s(brains, place, seconds, divide=divide))
    return Beside(statistics.median(rates[True]), statistics.median(rates[False]))


def _steps_per_s(brains: Prepared, folder: Path, seconds: float, *, divide: bool) -> float:
    scene = Scene(brains, folder, Length(trainers=1, folds=SIDES, steps=50, kills=0), trainer=COUNTING, epochs=1000)
    counted = folder / "counted"
    counted.mkdir()
    bare = {name: value for name, value in scene.environ.items() if name not in (WORKERS, THREADS)}
    bare["COUNTED"] = str(counted)
    try:
        for fold in range(SIDES):
            _start(scene, fold, variables_of(Slot(f"cpu-{fold}"), SIDES, effective_cpus(), bare) if divide else bare)
        until_s = time.monotonic() + STARTS_WITHIN_S
        while min(_steps(counted)) < WARM_STEPS:
            if time.monotonic() > until_s:
                raise TimeoutError("the trainings make no steps: " + str(folder))
            time.sleep(0.2)
        before, began_s = _steps(counted), time.monotonic()
        time.sleep(seconds)
        after, ended_s = _steps(counted), time.monotonic()
    finally:
        end(scene)
    return (sum(after) - sum(before)) / (ended_s - began_s)


def _start(scene: Scene, fold: int, environ: Mapping[str, str]) -> None:
    command = [sys.executable, "-m", "holter", "train", DATASET_NAME, CONFIGURATION, str(fold)]
    command += ["-tr", scene.trainers[0], "-device", "cpu", "--loader", "stock"]
    with (scene.folder / f"{environ.get(SLOT, 'unset')}-{fold}.out").open("ab") as out:
        subprocess.Popen(
            command, cwd=scene.folder, env=environ, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            start_new_session=True,
        )  # fmt: skip


def _steps(counted: Path) -> list[int]:
    files = [counted / str(fold) for fold in range(SIDES)]
    return [file.stat().st_size if file.exists() else 0 for file in files]
