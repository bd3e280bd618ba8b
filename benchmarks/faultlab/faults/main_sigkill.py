"""The main process gets SIGKILL."""

from __future__ import annotations

import signal

from benchmarks.faultlab.fault import Fault
from benchmarks.survival.outside import Outside


class MainSigkill(Fault):
    """By an administrator, a scheduler, or a script that cleans up."""

    name = "main-sigkill"
    summary = "the training's main process gets SIGKILL"
    cause = "external-kill"
    acts = True

    def inject(self, outside: Outside) -> None:
        """Send it."""
        assert outside.main is not None
        self.strike()
        outside.main.send_signal(signal.SIGKILL)


SCENARIO = MainSigkill
