"""The main process waits for a file that another process has locked."""

from __future__ import annotations

import fcntl

from benchmarks.faultlab.standing import WHERE, Stands
from benchmarks.survival.fault import Stage


class MainFileLock(Stands):
    """Such locks are on shared folders, left by a program that hangs elsewhere."""

    name = "main-file-lock"
    summary = "a step of the user's own waits for the lock of a file"
    stands_in = "file-lock"

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Lock the file."""
        path = stage.folder / "locked"
        self._file = path.open("w")
        fcntl.flock(self._file, fcntl.LOCK_EX)
        return {**super().prepare(stage), WHERE: str(path)}

    def undo(self) -> None:
        """Release the lock."""
        self._file.close()


SCENARIO = MainFileLock
