"""Detects that a clean-up of /tmp has removed Holter's own folder, and creates it again under its name."""

from __future__ import annotations

from pathlib import Path

from holter.records import Notice
from holter.sentences import define
from holter.supervisor.recording.scratch import Scratch

CREATED_AGAIN = define(
    "notice.scratch-gone",
    "Holter's own folder {folder} was removed and is created again. The training is not affected; what its processes "
    "reported in the last second may be lost",
)
CANNOT = define(
    "notice.scratch-lost",
    "Holter's own folder {folder} was removed and cannot be created again. The training is not affected, but new "
    "processes of it are not watched, and Holter can replace no workers and save no checkpoint",
)


class ScratchKeeper:
    """Checks the scratch folder at every tick."""

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch
        self.is_lost = False

    @property
    def folder(self) -> Path:
        """Path of the folder."""
        return self._scratch.folder

    def see(self, t_s: float) -> tuple[Notice, ...]:
        """Create the folder again if it is gone; return a notice in that case, and nothing if it was there."""
        if self._scratch.is_kept():
            return ()
        was_lost, self.is_lost = self.is_lost, not self._scratch.recreate()
        if self.is_lost and was_lost:
            return ()
        sentence = CANNOT if self.is_lost else CREATED_AGAIN
        return (Notice(t_s=t_s, what="scratch-gone", message=sentence(folder=str(self._scratch.folder))),)
