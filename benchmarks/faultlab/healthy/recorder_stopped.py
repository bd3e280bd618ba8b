"""Ctrl-Z reaches only Holter, and fg follows 15 seconds later."""

from __future__ import annotations

import os
import signal

from benchmarks.faultlab.fault import Healthy
from benchmarks.faults.outside import Outside

STOPPED_S = 15.0


class RecorderStopped(Healthy):
    """Holter has seen nothing meanwhile, and knows it."""

    name = "recorder-stopped"
    summary = f"Holter itself is stopped for {STOPPED_S:.0f} s, the training is not"
    epochs = 5

    def inject(self, outside: Outside) -> None:
        """Stop it."""
        self._leader: int | None = outside.leader
        self.strike()
        os.kill(outside.leader, signal.SIGSTOP)

    def step(self, outside: Outside, since_s: float) -> None:
        """Continue it after ``STOPPED_S``."""
        if since_s >= STOPPED_S:
            self.relieve()

    def relieve(self) -> None:
        """Continue it."""
        if self.struck and self._leader is not None:
            os.kill(self._leader, signal.SIGCONT)
            self._leader = None


SCENARIO = RecorderStopped
