"""The main process gets SIGHUP."""

from __future__ import annotations

import signal

from benchmarks.faultlab.fault import Fault
from benchmarks.faults.outside import Outside


class MainSighup(Fault):
    """As when the terminal is closed or the connection is lost."""

    name = "main-sighup"
    summary = "the training's main process gets SIGHUP"
    cause = "external-kill"
    acts = True

    def inject(self, outside: Outside) -> None:
        """Send the signal."""
        assert outside.main is not None
        self.strike()
        outside.main.send_signal(signal.SIGHUP)


SCENARIO = MainSighup
