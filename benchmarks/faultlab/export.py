"""What is common to faults of export workers: they are met with a case in hand and nobody left to notice it."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import psutil

from benchmarks.faultlab.fault import Fault
from benchmarks.survival.outside import Outside, Printed
from holter.probes.heartbeat import HeartbeatProbe
from holter.records import Beat

# Writing one case takes some tens of milliseconds, and that is when the worker must be met.
HUNT_EVERY_S = 0.002


class ExportFault(Fault):
    """Something happens to an export worker of the final validation."""

    validates = True
    acts = True
    epochs = 1
    iterations = 10
    watch_s = 75.0  # no news for 45 s is what the detector of standstills grants the final validation

    def __init__(self) -> None:
        super().__init__()
        self._over = threading.Event()
        self._hunter: threading.Thread | None = None

    def is_time(self, outside: Outside, printed: Printed) -> bool:
        """The first case is being predicted; the real moment is met by ``_hunt``."""
        return printed.validates

    def inject(self, outside: Outside) -> None:
        """Lie in wait for a worker with a case in hand."""
        assert outside.main is not None
        scratch = Path(psutil.Process(outside.main.pid).environ()["HOLTER_SCRATCH"])
        self._hunter = threading.Thread(target=self._hunt, args=(scratch,), daemon=True)
        self._hunter.start()

    def _hunt(self, scratch: Path) -> None:
        pages = HeartbeatProbe(scratch, 0.0)
        while not self._over.wait(HUNT_EVERY_S):
            if (pid := exporting(pages)) is not None:
                self.strike()
                self.hit(pid)
                return

    def hit(self, pid: int) -> None:
        """Kill it."""
        os.kill(pid, signal.SIGKILL)

    def relieve(self) -> None:
        """Stop looking."""
        self._over.set()
        if self._hunter is not None:
            self._hunter.join()


def exporting(pages: HeartbeatProbe) -> int | None:
    """An export worker at work while the main process has nothing left to do but wait."""
    beats = [sample for sample in pages.read(0.0).samples if isinstance(sample, Beat)]
    if not any(beat.role == "main" and beat.waits_for == "export-result" for beat in beats):
        return None
    return next((beat.pid for beat in beats if beat.role == "export-worker" and beat.case), None)
