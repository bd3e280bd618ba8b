"""Faults in a single file: the training reads a copy of the data, and one of its cases is damaged.

An image is cut in the middle, as after a full disk or an interrupted copy; or a worker raises when it reads the case.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from holter.demo.faults.fault import Context, DemoFault
from holter.demo.prepare import CONFIGURATION, DATASET_NAME

EMPTY_PICKLE = b"\x80\x04}\x94."  # an empty dict: nnU-Net looks up class_locations and does not find it


class DamagedCase(DemoFault):
    """Damages the first training case of fold 0, in a copy of the preprocessed data."""

    def prepare(self, context: Context) -> dict[str, str]:
        """Copy the preprocessed data; return the variable that makes the training use the copy."""
        if not _copy(context).exists():
            shutil.copytree(context.preprocessed, _copy(context))
        return {"nnUNet_preprocessed": str(_copy(context))}

    def inject(self, context: Context) -> None:
        dataset = _copy(context) / DATASET_NAME
        case = json.loads((dataset / "splits_final.json").read_text())[0]["train"][0]
        self.damage(dataset / f"nnUNetPlans_{CONFIGURATION}" / case)

    def damage(self, case: Path) -> None:
        """Damage the files of a case; ``case`` is a path without its ending."""
        raise NotImplementedError

    def undo(self, context: Context) -> None:
        """Remove the copy of the preprocessed data."""
        shutil.rmtree(_copy(context), ignore_errors=True)


def _copy(context: Context) -> Path:
    return context.scratch / "nnUNet_preprocessed"


def replace(file: Path, content: bytes) -> None:
    """Replace a file atomically. Writing in place would kill a worker that has it mapped by SIGBUS: another fault."""
    fresh = file.with_name(f"{file.name}.new")
    fresh.write_bytes(content)
    fresh.replace(file)


class WorkerException(DamagedCase):
    """Removes from a case's properties what the loader looks up."""

    name = "worker-exception"
    true_cause: str | None = "worker-exception"

    def damage(self, case: Path) -> None:
        """Replace the properties by an empty dict."""
        replace(case.with_name(f"{case.name}.pkl"), EMPTY_PICKLE)


class TruncatedFile(DamagedCase):
    """Keeps a third of the file; the worker that reads it raises."""

    name = "truncated-file"
    true_cause: str | None = "truncated-preprocessed-file"

    def damage(self, case: Path) -> None:
        """Truncate the image file."""
        file = case.with_name(f"{case.name}.b2nd")
        content = file.read_bytes()
        replace(file, content[: len(content) // 3])
