"""A worker is stopped for two seconds, as by a debugger or a tool that reads its stack."""

from __future__ import annotations

import contextlib
import os
import signal

from benchmarks.faultlab.fault import Healthy
from benchmarks.faults.outside import Outside

STOPPED_S = 2.0


class Debugger(Healthy):
    """The other workers and the queues bridge the pause."""

    name = "debugger"
    summary = "a data worker is stopped for two seconds"

    def inject(self, outside: Outside) -> None:
        """Stop one worker."""
        self._pid = outside.train_workers()[0]
        self.strike()
        os.kill(self._pid, signal.SIGSTOP)

    def step(self, outside: Outside, since_s: float) -> None:
        """Continue it."""
        if since_s >= STOPPED_S and self.over_at is None:
            self.relieve()

    def relieve(self) -> None:
        """Continue it."""
        if self.struck and self.over_at is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGCONT)
        self.repaired()


SCENARIO = Debugger
