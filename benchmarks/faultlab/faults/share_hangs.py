"""The share with data and results does not answer for 40 seconds, and is back: a real file system in user space."""

from __future__ import annotations

import shutil

from benchmarks.faultlab.bad_folder import BadFolder
from benchmarks.faultlab.fault import Fault
from benchmarks.survival.fault import Stage
from benchmarks.survival.outside import Outside

HANGS_S = 40.0


class ShareHangs(Fault):
    """As a file server that starts again: every call waits, and none fails."""

    name = "share-hangs"
    summary = f"the share with data and results does not answer for {HANGS_S:.0f} s, and is back"
    cause = "slow-storage"
    is_temporary = True
    returns = True
    epochs = 8

    def __init__(self) -> None:
        super().__init__()
        self._bad: BadFolder | None = None

    def needs(self) -> str | None:
        """FUSE."""
        return BadFolder.needs()

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Mount a copy of the data, with a folder for the results beside it."""
        share = stage.folder / "share"
        shutil.copytree(stage.brains.preprocessed, share / "nnUNet_preprocessed")
        (share / "nnUNet_results").mkdir()
        self._bad = BadFolder(stage.folder, share, "hangs")
        self._bad.mount()
        (stage.folder / "results").symlink_to(self._bad.mounted / "nnUNet_results")
        return {f"nnUNet_{name}": str(self._bad.mounted / f"nnUNet_{name}") for name in ("preprocessed", "results")}

    def inject(self, outside: Outside) -> None:
        """From now on it does not answer."""
        self.strike()
        assert self._bad is not None
        self._bad.set_bad(True)

    def step(self, outside: Outside, since_s: float) -> None:
        """Back in time."""
        if since_s >= HANGS_S:
            self.relieve()

    def relieve(self) -> None:
        """It answers."""
        if self._bad is not None and self.struck and self.over_at is None:
            self._bad.set_bad(False)
            self.repaired()

    def undo(self) -> None:
        """Unmount it."""
        if self._bad is not None:
            self._bad.unmount()


SCENARIO = ShareHangs
