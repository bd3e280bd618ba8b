"""Only the main process is stopped."""

from __future__ import annotations

import contextlib
import signal

import psutil

from benchmarks.faultlab.fault import Fault
from benchmarks.faults.outside import Outside


class MainSigstop(Fault):
    """As by a debugger, or by a user who meant another process; its workers live."""

    name = "main-sigstop"
    summary = "the training's main process gets SIGSTOP, its workers do not"
    cause = "main-stopped"

    def inject(self, outside: Outside) -> None:
        """Stop it."""
        assert outside.main is not None
        self._main = outside.main
        self.strike()
        self._main.send_signal(signal.SIGSTOP)

    def relieve(self) -> None:
        """Continue it."""
        if self.struck:
            with contextlib.suppress(psutil.Error):
                self._main.send_signal(signal.SIGCONT)


SCENARIO = MainSigstop
