"""The main process gets SIGTERM."""

from __future__ import annotations

import signal

from benchmarks.faultlab.fault import Fault
from benchmarks.survival.outside import Outside


class MainSigterm(Fault):
    """As by a scheduler at the end of the time, or at a shutdown."""

    name = "main-sigterm"
    summary = "the training's main process gets SIGTERM"
    cause = "external-kill"
    acts = True

    def inject(self, outside: Outside) -> None:
        """Send it."""
        assert outside.main is not None
        self.strike()
        outside.main.send_signal(signal.SIGTERM)


SCENARIO = MainSigterm
