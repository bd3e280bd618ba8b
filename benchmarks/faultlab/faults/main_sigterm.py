"""The main process gets SIGTERM."""

from __future__ import annotations

import signal

from benchmarks.faultlab.fault import Fault
from benchmarks.faults.outside import Outside


class MainSigterm(Fault):
    """As from a scheduler at the time limit, or at a shutdown."""

    name = "main-sigterm"
    summary = "the training's main process gets SIGTERM"
    cause = "external-kill"
    acts = True

    def inject(self, outside: Outside) -> None:
        """Send the signal."""
        assert outside.main is not None
        self.strike()
        outside.main.send_signal(signal.SIGTERM)


SCENARIO = MainSigterm
