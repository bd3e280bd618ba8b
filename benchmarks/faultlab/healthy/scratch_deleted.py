"""A clean-up of /tmp deletes Holter's own folder."""

from __future__ import annotations

import shutil

from benchmarks.faultlab.fault import Healthy
from benchmarks.faults.outside import Outside


class ScratchDeleted(Healthy):
    """Holter creates it again; worth a notice but no alarm."""

    name = "scratch-deleted"
    summary = "Holter's folder below TMPDIR is deleted in mid-run"
    notices = ("scratch-gone",)
    epochs = 4

    def inject(self, outside: Outside) -> None:
        """Delete it."""
        self.strike()
        for folder in (outside.folder / "tmp").glob("holter-*"):
            shutil.rmtree(folder, ignore_errors=True)


SCENARIO = ScratchDeleted
