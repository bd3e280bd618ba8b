"""Ctrl-Z: all processes of the training are stopped, and continue later."""

from __future__ import annotations

import contextlib
import signal

import psutil

from benchmarks.faultlab.fault import Healthy
from benchmarks.faults.outside import Outside

STOPPED_S = 15.0


class TerminalStopped(Healthy):
    """The user wanted it; Holter continues to watch."""

    name = "terminal-stopped"
    summary = f"the training and all its workers are stopped for {STOPPED_S:.0f} s, Holter is not"
    is_temporary = True

    def inject(self, outside: Outside) -> None:
        """Stop all at once."""
        assert outside.main is not None
        self._stopped = [outside.main, *outside.main.children(recursive=True)]
        self.strike()
        self._send(signal.SIGSTOP)

    def step(self, outside: Outside, since_s: float) -> None:
        """Continue them after ``STOPPED_S``."""
        if since_s >= STOPPED_S and self.over_at is None:
            self.relieve()

    def relieve(self) -> None:
        """Continue them."""
        if self.struck and self.over_at is None:
            self._send(signal.SIGCONT)
        self.repaired()

    def _send(self, number: signal.Signals) -> None:
        for process in self._stopped:
            with contextlib.suppress(psutil.Error):
                process.send_signal(number)


SCENARIO = TerminalStopped
