"""Data that nnU-Net 2.5 or older has preprocessed (.npz): from 2.7 on data workers write into read-only memory."""

from __future__ import annotations

import shutil
import subprocess
import sys

from benchmarks.faultlab.fault import Fault
from benchmarks.faults.outside import Outside, Printed
from benchmarks.survival.fault import Stage
from holter.demo.prepare import CONFIGURATION, DATASET_NAME


class OlderData(Fault):
    """SIGSEGV within the first epoch, at every start: docs/upstream.md, section 23."""

    name = "older-data"
    summary = "the data are .npz of an older nnU-Net: workers write into read-only memory and crash (SIGSEGV)"
    cause = "read-only-data"
    from_start = True
    acts = True
    watch_s = 90.0

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Copy the data into archives."""
        data = stage.folder / "nnUNet_preprocessed"
        shutil.copytree(stage.brains.preprocessed, data)
        cases = data / DATASET_NAME / f"nnUNetPlans_{CONFIGURATION}"
        subprocess.run([sys.executable, "-m", "benchmarks.faults.tools.archives", str(cases)], check=True)
        return {"nnUNet_preprocessed": str(data)}

    def is_time(self, outside: Outside, printed: Printed) -> bool:
        """Break it as soon as the training exists."""
        return outside.main is not None

    def inject(self, outside: Outside) -> None:
        """Record the time; the data is old already."""
        self.strike()


SCENARIO = OlderData
