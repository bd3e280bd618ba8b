"""Reads of the preprocessed data fail with EIO, on a real file system in user space."""

from __future__ import annotations

from benchmarks.faultlab.bad_folder import BadFolder
from benchmarks.faultlab.fault import Fault
from benchmarks.survival.fault import Stage
from benchmarks.survival.outside import Outside


class DiskErrors(Fault):
    """As a file server whose disk or connection fails."""

    name = "disk-errors"
    summary = "reads of preprocessed data fail: input/output error"
    cause = "remote-fs-error"
    acts = True

    def __init__(self) -> None:
        super().__init__()
        self._bad: BadFolder | None = None

    def needs(self) -> str | None:
        """FUSE."""
        return BadFolder.needs()

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Mount it, sound for now."""
        self._bad = BadFolder(stage.folder, stage.brains.preprocessed, "errors")
        self._bad.mount()
        return {"nnUNet_preprocessed": str(self._bad.mounted)}

    def inject(self, outside: Outside) -> None:
        """From now on reads fail."""
        self.strike()
        assert self._bad is not None
        self._bad.set_bad(True)

    def relieve(self) -> None:
        """They work again."""
        if self._bad is not None:
            self._bad.set_bad(False)

    def undo(self) -> None:
        """Unmount it."""
        if self._bad is not None:
            self._bad.unmount()


SCENARIO = DiskErrors
