"""The 2D configuration: many small slices per batch."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.faultlab.fault import Healthy
from benchmarks.survival.fault import Stage
from holter.demo.prepare import CONFIGURATION, DATASET_ID, DATASET_NAME

FEATURES = (8, 16, 32, 32)  # the planned network would take seconds per step here


class TwoDimensions(Healthy):
    """Steps and batches differ from those in 3D."""

    name = "two-dimensions"
    summary = "a training of the 2d configuration"
    iterations = 20

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Preprocess it, in a copy."""
        data = stage.folder / "nnUNet_preprocessed"
        shutil.copytree(stage.brains.preprocessed, data)
        plans = data / DATASET_NAME / "nnUNetPlans.json"
        shrink(plans)
        variables = {"nnUNet_preprocessed": str(data)}
        tool = Path(sys.executable).parent / "nnUNetv2_preprocess"
        subprocess.run(
            [str(tool), "-d", DATASET_ID, "-c", "2d", "-np", "2", "--no_pbar"],
            env=os.environ | stage.brains.environment() | variables,
            check=True,
            capture_output=True,
        )
        return variables

    def wrap_training(self, command: Sequence[str]) -> list[str]:
        """Select the other configuration."""
        return ["2d" if word == CONFIGURATION else word for word in command]


def shrink(plans: Path) -> None:
    """Make the planned network small enough for a CPU."""
    content = json.loads(plans.read_text())
    content["configurations"]["2d"]["architecture"]["arch_kwargs"]["features_per_stage"] = list(FEATURES)
    plans.write_text(json.dumps(content, indent=4))


SCENARIO = TwoDimensions
