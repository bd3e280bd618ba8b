"""The results folder is deleted while the training runs."""

from __future__ import annotations

import shutil

from benchmarks.faultlab.fault import Fault
from benchmarks.faults.outside import Outside


class ResultsDeleted(Fault):
    """nnU-Net notices at its next save, fifty epochs later."""

    name = "results-deleted"
    summary = "the results folder of the fold is deleted in mid-run"
    cause = "results-folder-gone"
    acts = True  # stopping is right: a restart without the folder would begin at epoch 0

    def inject(self, outside: Outside) -> None:
        """Delete the folder."""
        assert outside.fold is not None
        self.strike()
        shutil.rmtree(outside.fold)


SCENARIO = ResultsDeleted
