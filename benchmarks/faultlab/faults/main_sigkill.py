"""The main process gets SIGKILL."""

from __future__ import annotations

import signal

from benchmarks.faultlab.fault import Fault
from benchmarks.faults.outside import Outside


class MainSigkill(Fault):
    """As from an administrator, a scheduler, or a clean-up script."""

    name = "main-sigkill"
    summary = "the training's main process gets SIGKILL"
    cause = "external-kill"
    acts = True

    def inject(self, outside: Outside) -> None:
        """Send the signal."""
        assert outside.main is not None
        self.strike()
        outside.main.send_signal(signal.SIGKILL)


SCENARIO = MainSigkill
