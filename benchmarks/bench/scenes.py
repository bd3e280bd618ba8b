"""The scenes: patch, batch, the imitated step, workers and cores, and what must be named as the limit."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.bench.surroundings import quota, slow_disk, write_organs
from benchmarks.material import prepared_brains, say
from benchmarks.reporting import options_of
from holter.demo.prepare import DATASET_NAME, Prepared

CONFIGURATION = "imitated"
PLANS = "imitatedPlans"
LIMIT_S = 1800
VARIABLE = "HOLTER_IMITATED_STEP_S"
EPOCHS = "HOLTER_IMITATED_EPOCHS"
STEPS = "HOLTER_IMITATED_STEPS"
TRAINER = "nnUNetTrainerImitated"
MEMBERS = "HOLTER_IMITATED_MEMBERS"  # a file: who writes their PID into it joins the scene's control group

# A step that waits in one native call, as a thread does that waits for a GPU, and shares no core with the loader.
CODE = f'''
import os
import subprocess
import sys
import numpy as np
import torch
from holter.trainer.shortened import wait_natively
from nnunetv2.training.nnUNetTrainer.{{base}} import {{name}}


class {TRAINER}({{name}}):
    def __init__(self, plans, configuration, fold, dataset_json, device=torch.device("cuda")):
        super().__init__(plans, configuration, fold, dataset_json, device)
        self.num_epochs = int(os.environ["{EPOCHS}"])
        self.num_iterations_per_epoch = int(os.environ["{STEPS}"])
        self.num_val_iterations_per_epoch = max(1, self.num_iterations_per_epoch // 5)

    def train_step(self, batch):
        wait_natively(float(os.environ["{VARIABLE}"]))
        return {{{{"loss": np.array(0.5)}}}}

    def validation_step(self, batch):
        wait_natively(float(os.environ["{VARIABLE}"]) / 3)
        heads = np.ones(len(self.label_manager.foreground_labels))
        return {{{{"loss": np.array(0.5), "tp_hard": heads, "fp_hard": heads, "fn_hard": heads}}}}

    def perform_actual_validation(self, save_probabilities=False):
        pass
'''
PLAIN = ("nnUNetTrainer", "nnUNetTrainer")
DA5 = ("variants.data_augmentation.nnUNetTrainerDA5", "nnUNetTrainerDA5")

STARVED = ("augmentation", "cores")


class Scene(NamedTuple):
    """One training. ``stock``, ``holter``: what limits each loader if it, and not the network, limits the training."""

    name: str
    patch: tuple[int, ...]
    batch: int
    step_s: float
    workers: int
    cores: int
    stock: tuple[str, ...] = STARVED
    holter: tuple[str, ...] = STARVED
    base: tuple[str, str] = PLAIN
    labels: int = 2
    quota: float | None = None  # of processor time, in cores
    read_delay_s: float = 0.0

    def limits(self, loader: str, seconds: float, steps: int) -> set[str]:
        """Return what may be named as the limit of ``seconds`` for ``steps`` steps and their validation."""
        network = self.step_s * (steps + steps // 5 / 3) / seconds
        named = self.stock if loader == "stock" else self.holter
        return {*(("network",) if network >= 0.9 else ()), *(named if network < 0.97 else ())}


SCENES = (
    Scene("3d, A100-like step", (96, 96, 96), 2, 0.131, 2, 2),
    Scene("3d, H200-like step", (96, 96, 96), 2, 0.066, 2, 2),
    Scene("3d, one core", (96, 96, 96), 2, 0.131, 1, 1),
    Scene("3d, tiny step", (64, 64, 64), 2, 0.002, 2, 2, (*STARVED, "hand-over"), (*STARVED, "reading")),
    Scene("2d, large batch", (96, 96), 32, 0.1, 2, 2),
    Scene("2d, tiny step", (96, 96), 32, 0.002, 2, 2, (*STARVED, "reading"), (*STARVED, "reading")),
    Scene("3d, DA5", (64, 64, 64), 2, 0.131, 2, 2, base=DA5),
    Scene("3d, 16 labels", (80, 80, 80), 2, 0.131, 2, 2, labels=16),
    Scene("3d, a quota of one core", (80, 80, 80), 2, 0.131, 2, 2, labels=16, quota=1.0),
    Scene(
        "3d, slow disk", (64, 64, 64), 2, 0.131, 2, 2, ("reading", *STARVED), ("reading", "cores"), read_delay_s=0.02
    ),
)
QUICK = ("3d, one core", "3d, tiny step", "2d, large batch", "3d, a quota of one core", "3d, slow disk")


def options_of_scenes(name: str, description: str | None, *, quick: str) -> argparse.ArgumentParser:
    """Return a parser for a benchmark that plays the scenes."""
    parser = options_of(name, description, quick=quick)
    parser.add_argument("--only", default="", help="scenes whose name contains this")
    parser.add_argument("--anyway", action="store_true", help="although others use the machine: no goal counts then")
    return parser


def made_scenes(only: str, *, quick: bool) -> Iterator[tuple[Scene, dict[str, str]]]:
    """Yield each scene whose name contains ``only`` with the environment of its commands; its folder is removed."""
    brains = prepared_brains()
    for scene in SCENES:
        if only in scene.name and (only or not quick or scene.name in QUICK):
            say(scene.name)
            with contextlib.ExitStack() as stack:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="holter-bench-scene-")))
                environment = {**os.environ, **make(scene, brains, folder)}
                group = stack.enter_context(quota(scene.quota))
                if group is not None:
                    environment[MEMBERS] = str(group.members)
                if scene.read_delay_s:
                    source = Path(environment["nnUNet_preprocessed"])
                    disk = stack.enter_context(slow_disk(folder, source, scene.read_delay_s))
                    environment["nnUNet_preprocessed"] = str(disk)
                yield scene, environment


def make(scene: Scene, brains: Prepared, folder: Path) -> dict[str, str]:
    """Write the scene's plans and trainer into an own copy; return the environment of its commands."""
    source = brains.preprocessed / DATASET_NAME
    data = folder / "nnUNet_preprocessed" / DATASET_NAME
    shutil.copytree(source, data)
    plans = json.loads((source / "nnUNetPlans.json").read_text())
    configuration = plans["configurations"]["3d_fullres"]
    if scene.labels != 2:
        write_organs(data, configuration["data_identifier"], scene.patch, scene.labels)
    configuration |= {"patch_size": list(scene.patch), "batch_size": scene.batch, "batch_dice": False}
    arguments = configuration["architecture"]["arch_kwargs"]
    if len(scene.patch) == 2:
        text = json.dumps(arguments).replace("Conv3d", "Conv2d").replace("InstanceNorm3d", "InstanceNorm2d")
        arguments = json.loads(text)
        for name in ("kernel_sizes", "strides"):
            arguments[name] = [each[1:] for each in arguments[name]]
        configuration["architecture"]["arch_kwargs"] = arguments
        configuration["spacing"] = configuration["spacing"][1:]
    plans |= {"plans_name": PLANS, "configurations": {CONFIGURATION: configuration}}
    (data / f"{PLANS}.json").write_text(json.dumps(plans))
    trainers = folder / "trainers"
    trainers.mkdir()
    module, name = scene.base
    (trainers / f"{TRAINER}.py").write_text(CODE.format(base=module, name=name))
    (folder / "nnUNet_results").mkdir()
    return {
        **brains.environment(),
        "nnUNet_preprocessed": str(data.parent),
        "nnUNet_results": str(folder / "nnUNet_results"),
        "nnUNet_extTrainer": str(trainers),
        "nnUNet_n_proc_DA": str(scene.workers),
        VARIABLE: str(scene.step_s),
    }


def report_of(
    command: str, scene: Scene, seconds: float, environment: Mapping[str, str], *, anyway: bool
) -> dict[str, Any]:
    """Return the report of ``holter bench`` or ``holter tune`` in a scene."""
    words = ["holter", command, DATASET_NAME, CONFIGURATION, "-p", PLANS, "-tr", TRAINER, "--device", "cpu", "--json"]
    words += ["--seconds", f"{seconds:g}", *(("--anyway",) if anyway else ())]
    report: dict[str, Any] = json.loads(started(scene, ["-m", *words], environment))
    return report


def started(scene: Scene, words: list[str], environment: Mapping[str, str]) -> str:
    """Run Python on the scene's cores; return what it prints."""
    cores = sorted(os.sched_getaffinity(0))[: scene.cores]
    command = ["taskset", "-c", ",".join(map(str, cores)), sys.executable, *words]
    if MEMBERS in environment:  # the shell joins the control group, and becomes the command
        command = ["sh", "-c", f'echo $$ > "${MEMBERS}" && exec "$@"', "sh", *command]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{scene.name}: {' '.join(words)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return done.stdout
