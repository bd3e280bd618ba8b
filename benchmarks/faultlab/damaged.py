"""What is common to faults of single files: the training reads a copy of the data, of which one case is damaged."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from benchmarks.faultlab.fault import Fault
from benchmarks.survival.fault import Stage
from benchmarks.survival.outside import Outside
from holter.demo.prepare import CONFIGURATION, DATASET_NAME


class DamagedCase(Fault):
    """One training case goes bad."""

    acts = True

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Train on a copy."""
        self._data = stage.folder / "nnUNet_preprocessed"
        shutil.copytree(stage.brains.preprocessed, self._data)
        return {"nnUNet_preprocessed": str(self._data)}

    def inject(self, outside: Outside) -> None:
        """Damage the first training case of the fold."""
        dataset = self._data / DATASET_NAME
        case = json.loads((dataset / "splits_final.json").read_text())[0]["train"][0]
        self.damage(dataset / f"nnUNetPlans_{CONFIGURATION}" / case)
        self.strike()

    def damage(self, case: Path) -> None:
        """Do it; ``case`` is a path without its ending."""
        raise NotImplementedError


def replace(file: Path, content: bytes) -> None:
    """Not in place: a worker that has the old file mapped would die of SIGBUS, which is another story."""
    fresh = file.with_name(f"{file.name}.new")
    fresh.write_bytes(content)
    fresh.replace(file)
