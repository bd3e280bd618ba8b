"""The generated brains, planned and preprocessed by each version's own command under ``holter run``."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.compatibility.environments import TRAINER, Environment
from benchmarks.field.case import SHIM
from benchmarks.material import say
from holter.demo.prepare import BATCH, CASES, CONFIGURATION, DATASET_ID, DATASET_NAME, FEATURES, shrink_plan

WITHIN_S = 900.0
STAGES = len(FEATURES)
TASK_NAME = f"Task{DATASET_NAME.removeprefix('Dataset')}"  # of nnU-Net v1
PLANS_V1 = "nnUNetPlansv2.1_plans_3D.pkl"


def raw_images(under: Path) -> Path:
    """Return ``nnUNet_raw`` with the generated images."""
    raw = under / "raw"
    if not (raw / DATASET_NAME / "dataset.json").exists():
        say("generating images")
        command = [sys.executable, "-m", "holter.demo.dataset", "--out", str(raw), "--cases", str(CASES)]
        subprocess.run(command, check=True, capture_output=True, timeout=WITHIN_S)
    return raw


def raw_images_v1(under: Path) -> Path:
    """Return ``nnUNet_raw_data_base``: the same images as a task of nnU-Net v1."""
    dataset, base = raw_images(under) / DATASET_NAME, under / "raw-v1"
    task = base / "nnUNet_raw_data" / TASK_NAME
    if not (task / "dataset.json").exists():
        task.mkdir(parents=True, exist_ok=True)
        for folder in ("imagesTr", "labelsTr"):
            if not (task / folder).exists():
                (task / folder).symlink_to(dataset / folder)
        (task / "dataset.json").write_text(
            json.dumps(task_of(json.loads((dataset / "dataset.json").read_text()), task))
        )
    return base


def task_of(dataset: dict[str, Any], task: Path) -> dict[str, Any]:
    """Return ``dataset.json`` in the format of nnU-Net v1, with the cases of the folder ``task``."""
    names = sorted(file.name for file in (task / "labelsTr").glob("*.nii.gz"))
    return {
        "name": TASK_NAME,
        "description": "generated",
        "tensorImageSize": "3D",
        "modality": dataset["channel_names"],
        "labels": {str(number): name for name, number in dataset["labels"].items()},
        "numTraining": len(names),
        "numTest": 0,
        "training": [{"image": f"./imagesTr/{name}", "label": f"./labelsTr/{name}"} for name in names],
        "test": [],
    }


def variables(environment: Environment, under: Path, results: Path) -> dict[str, str]:
    """Return the environment variables of a training; a version that reads none gets links to the same folders."""
    preprocessed = str(under / f"preprocessed-{environment.folder.name}")
    folders = {"nnUNet_raw": str(raw_images(under)), "nnUNet_results": str(results)}
    if environment.version.generation == 1:
        folders = {"nnUNet_raw_data_base": str(raw_images_v1(under)), "RESULTS_FOLDER": str(results)}
    folders["nnUNet_preprocessed"] = preprocessed
    environment.link(folders)
    return {
        **folders,
        "nnUNet_n_proc_DA": "3",
        "nnUNet_def_n_proc": "2",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(SHIM),
        **dict(environment.version.variables),
    }


def preprocessing(environment: Environment) -> list[str]:
    """Return the command that plans and preprocesses."""
    command = environment.command("plan_and_preprocess")
    if environment.version.generation == 1:
        return [command, "-t", DATASET_ID, "-pl2d", "None", "-tl", "2", "-tf", "2"]
    return [command, "-d", DATASET_ID, "-c", CONFIGURATION, "-np", "2", "-npfp", "2"]


def training(environment: Environment) -> list[str]:
    """Return the training command."""
    command = environment.command("train")
    if environment.version.generation == 1:
        return [command, CONFIGURATION, TRAINER, TASK_NAME, "0", "--fp32"]
    return [command, DATASET_ID, CONFIGURATION, "0", "-tr", TRAINER, "-device", "cpu"]


def continuing(environment: Environment) -> str | None:
    """Return the command that continues a training of v1, which the user must give to Holter; None for v2."""
    return None if environment.version.generation == 2 else " ".join([*training(environment), "-c"])


def is_preprocessed(environment: Environment, under: Path) -> bool:
    """Whether the version's data are there, with a plan for a CPU."""
    return _marker(environment, under).exists()


def shrink(environment: Environment, under: Path) -> None:
    """Make the planned network and patch small enough for a CPU, in the format of the version's plans."""
    folder = under / f"preprocessed-{environment.folder.name}"
    patch = [environment.version.patch] * 3
    if environment.version.generation == 1:
        _shrink_v1(folder / TASK_NAME / PLANS_V1, patch)
    else:
        _shrink_v2(folder / DATASET_NAME / "nnUNetPlans.json", patch)
    _marker(environment, under).touch()


def _shrink_v1(file: Path, patch: list[int]) -> None:
    plans: dict[str, Any] = pickle.loads(file.read_bytes())
    plans |= {"base_num_features": FEATURES[0], "conv_per_stage": 1}
    for stage in plans["plans_per_stage"].values():
        stage |= {
            "patch_size": np.array(patch),
            "batch_size": BATCH,
            "num_pool_per_axis": [STAGES - 1] * 3,
            "pool_op_kernel_sizes": [[2, 2, 2]] * (STAGES - 1),
            "conv_kernel_sizes": [[3, 3, 3]] * STAGES,
            "do_dummy_2D_data_aug": False,
        }
    file.write_bytes(pickle.dumps(plans))


def _shrink_v2(file: Path, patch: list[int]) -> None:
    if "architecture" in json.loads(file.read_text())["configurations"][CONFIGURATION]:
        shrink_plan(file)
    plans: dict[str, Any] = json.loads(file.read_text())
    configuration = plans["configurations"][CONFIGURATION]
    configuration |= {"patch_size": patch, "batch_size": BATCH}
    if "architecture" not in configuration:  # up to 2.3
        configuration |= {
            "UNet_base_num_features": FEATURES[0],
            "unet_max_num_features": FEATURES[-1],
            "n_conv_per_stage_encoder": [1] * STAGES,
            "n_conv_per_stage_decoder": [1] * (STAGES - 1),
            "num_pool_per_axis": [STAGES - 1] * 3,
            "pool_op_kernel_sizes": [[1, 1, 1]] + [[2, 2, 2]] * (STAGES - 1),
            "conv_kernel_sizes": [[3, 3, 3]] * STAGES,
        }
    file.write_text(json.dumps(plans, indent=4) + "\n")


def _marker(environment: Environment, under: Path) -> Path:
    return under / f"preprocessed-{environment.folder.name}" / "complete"
