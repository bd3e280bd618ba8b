"""Reads of the preprocessed data fail with EIO, on a real file system in user space."""

from __future__ import annotations

from benchmarks.faultlab.bad_folder import OnBadFolder
from benchmarks.faultlab.fault import Fault
from benchmarks.survival.fault import Stage


class DiskErrors(OnBadFolder, Fault):
    """As with a file server whose disk or connection fails."""

    name = "disk-errors"
    summary = "reads of preprocessed data fail: input/output error"
    cause = "remote-fs-error"
    acts = True

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Mount the data."""
        return {"nnUNet_preprocessed": str(self.mount(stage, stage.brains.preprocessed, "errors"))}


SCENARIO = DiskErrors
