"""The training log is deleted while nnU-Net writes it."""

from __future__ import annotations

from benchmarks.faultlab.fault import Healthy
from benchmarks.faults.outside import Outside


class LogDeleted(Healthy):
    """nnU-Net starts a new one; worth a notice but no alarm."""

    name = "log-deleted"
    summary = "the training log is deleted in mid-run"
    notices = ("log-gone",)
    epochs = 3
    iterations = 120

    def inject(self, outside: Outside) -> None:
        """Delete it."""
        assert outside.fold is not None
        self.strike()
        for log in outside.fold.glob("training_log_*.txt"):
            log.unlink()


SCENARIO = LogDeleted
