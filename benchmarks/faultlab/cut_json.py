"""Base for truncated files of nnU-Net; the training reads a copy of the data."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from benchmarks.faultlab.fault import Fault
from benchmarks.faults.outside import Outside, Printed
from benchmarks.survival.fault import Stage
from holter.demo.prepare import DATASET_NAME


class CutJson(Fault):
    """Base: one file has lost its second half, as after a full disk, a quota or an interrupted copy."""

    cause = "truncated-preprocessed-file"
    from_start = True
    file = ""  # in the preprocessed data set

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Truncate the file in a copy."""
        data = stage.folder / "nnUNet_preprocessed"
        shutil.copytree(stage.brains.preprocessed, data)
        self.complete(data / DATASET_NAME)
        file = data / DATASET_NAME / self.file
        os.truncate(file, file.stat().st_size // 2)
        return {"nnUNet_preprocessed": str(data)}

    def complete(self, data: Path) -> None:
        """Add to the copy what may be missing there."""

    def is_time(self, outside: Outside, printed: Printed) -> bool:
        """Break it as soon as the training exists."""
        return outside.main is not None

    def inject(self, outside: Outside) -> None:
        """Record the time; the file is truncated already."""
        self.strike()
