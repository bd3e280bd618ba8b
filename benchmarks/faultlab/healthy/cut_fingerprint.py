"""The fingerprint of the data set is truncated; a training copies it, and does not read it."""

from __future__ import annotations

import os
import shutil

from benchmarks.faultlab.fault import Healthy
from benchmarks.survival.fault import Stage
from holter.demo.prepare import DATASET_NAME


class CutFingerprint(Healthy):
    """It is read only for planning."""

    name = "cut-fingerprint"
    summary = "dataset_fingerprint.json ends in the middle, which matters for planning only"

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Truncate it in a copy."""
        data = stage.folder / "nnUNet_preprocessed"
        shutil.copytree(stage.brains.preprocessed, data)
        file = data / DATASET_NAME / "dataset_fingerprint.json"
        os.truncate(file, file.stat().st_size // 2)
        return {"nnUNet_preprocessed": str(data)}


SCENARIO = CutFingerprint
