"""Base of faults in a single file: the training reads a copy of the data, of which one case goes bad."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from holter.demo.faults.fault import Context, Harmless
from holter.demo.prepare import CONFIGURATION, DATASET_NAME


class DamagedCase(Harmless):
    """The first training case of fold 0 goes bad, in the copy."""

    def prepare(self, context: Context) -> dict[str, str]:
        """Train on a copy."""
        if not _copy(context).exists():
            shutil.copytree(context.preprocessed, _copy(context))
        return {"nnUNet_preprocessed": str(_copy(context))}

    def inject(self, context: Context) -> None:
        """Damage it."""
        dataset = _copy(context) / DATASET_NAME
        case = json.loads((dataset / "splits_final.json").read_text())[0]["train"][0]
        self.damage(dataset / f"nnUNetPlans_{CONFIGURATION}" / case)

    def damage(self, case: Path) -> None:
        """Do it; ``case`` is a path without its ending."""
        raise NotImplementedError

    def undo(self, context: Context) -> None:
        """The copy is of no more use."""
        shutil.rmtree(_copy(context), ignore_errors=True)


def _copy(context: Context) -> Path:
    return context.scratch / "nnUNet_preprocessed"


def replace(file: Path, content: bytes) -> None:
    """Not in place: a worker that has the old file mapped would die of SIGBUS, which is another story."""
    fresh = file.with_name(f"{file.name}.new")
    fresh.write_bytes(content)
    fresh.replace(file)
