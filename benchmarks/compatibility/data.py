"""The generated brains, planned and preprocessed by each version's own command under ``holter run``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.compatibility.environments import Environment
from benchmarks.field.case import SHIM
from benchmarks.material import say
from holter.demo.prepare import BATCH, CASES, CONFIGURATION, DATASET_ID, DATASET_NAME, FEATURES, shrink_plan

WITHIN_S = 900.0
STAGES = len(FEATURES)
PATCH = [24, 24, 24]  # names and actions are measured, not times


def raw_images(under: Path) -> Path:
    """Return ``nnUNet_raw`` with the generated images."""
    raw = under / "raw"
    if not (raw / DATASET_NAME / "dataset.json").exists():
        say("generating images")
        command = [sys.executable, "-m", "holter.demo.dataset", "--out", str(raw), "--cases", str(CASES)]
        subprocess.run(command, check=True, capture_output=True, timeout=WITHIN_S)
    return raw


def variables(environment: Environment, under: Path) -> dict[str, str]:
    """Return the environment variables of a training."""
    return {
        "nnUNet_raw": str(raw_images(under)),
        "nnUNet_preprocessed": str(under / f"preprocessed-{environment.folder.name}"),
        "nnUNet_n_proc_DA": "3",
        "nnUNet_def_n_proc": "2",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(SHIM),
        **dict(environment.version.variables),
    }


def preprocessing(environment: Environment) -> list[str]:
    """Return the command that plans and preprocesses."""
    command = [environment.command("nnUNetv2_plan_and_preprocess"), "-d", DATASET_ID, "-c", CONFIGURATION]
    return [*command, "-np", "2", "-npfp", "2"]


def is_preprocessed(environment: Environment, under: Path) -> bool:
    """Whether the version's data are there, with a plan for a CPU."""
    return _marker(environment, under).exists()


def shrink(environment: Environment, under: Path) -> None:
    """Make the planned network and patch small enough for a CPU, in the format of the version's plans."""
    file = under / f"preprocessed-{environment.folder.name}" / DATASET_NAME / "nnUNetPlans.json"
    if "architecture" in json.loads(file.read_text())["configurations"][CONFIGURATION]:
        shrink_plan(file)
    plans: dict[str, Any] = json.loads(file.read_text())
    configuration = plans["configurations"][CONFIGURATION]
    configuration |= {"patch_size": PATCH, "batch_size": BATCH}
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
    _marker(environment, under).touch()


def _marker(environment: Environment, under: Path) -> Path:
    return under / f"preprocessed-{environment.folder.name}" / "complete"
