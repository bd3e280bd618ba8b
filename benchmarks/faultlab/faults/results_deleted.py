"""Somebody deletes the folder of the results while the training runs."""

from __future__ import annotations

import shutil

from benchmarks.faultlab.fault import Fault
from benchmarks.survival.outside import Outside


class ResultsDeleted(Fault):
    """nnU-Net notices when it wants to save, fifty epochs later."""

    name = "results-deleted"
    summary = "the results folder of the fold is deleted in mid-run"
    cause = "results-folder-gone"
    acts = True  # to stop: a start without its folder would begin again

    def inject(self, outside: Outside) -> None:
        """Delete it."""
        assert outside.fold is not None
        self.strike()
        shutil.rmtree(outside.fold)


SCENARIO = ResultsDeleted
