"""An export worker is killed while the main process waits for its last results: the pool loses the job."""

from __future__ import annotations

# ruff: noqa: ARG002 -- every fault is given the context
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from holter.demo.faults.fault import Context, DemoFault
from holter.probes.training.heartbeat import HeartbeatProbe
from holter.records import Beat, Phase

# Writing one case takes some tens of milliseconds, and the worker must be killed within that time.
HUNT_EVERY_S = 0.002
HUNT_S = 60.0
SHORT = ("--epochs", "1", "--iterations", "10")  # only the final validation matters here


class LostExport(DemoFault):
    """Sends SIGKILL to an export worker while it writes a case."""

    name = "export-worker-killed"
    true_cause: str | None = "export-lost-result-hang"
    phase: Phase = "final-validation"

    def __init__(self) -> None:
        self.late_s: float | None = None  # from ``inject`` to the kill
        self._hunt: Hunt | None = None

    def wrap(self, command: Sequence[str]) -> list[str]:
        return [*command, *SHORT]

    def inject(self, context: Context) -> None:
        """Start to poll for a worker that writes a case."""
        assert context.main_pid is not None
        began_s = time.monotonic()

        def kill(pid: int) -> None:
            os.kill(pid, signal.SIGKILL)
            self.late_s = time.monotonic() - began_s

        self._hunt = Hunt(context.main_pid, kill)

    def relieve(self, context: Context) -> None:
        """Stop polling; a lost result does not come back."""
        if self._hunt is not None:
            self._hunt.end()
            self._hunt = None


class Hunt:
    """Polls in a thread for an export worker that writes a case, and calls ``hit`` with its PID, once."""

    def __init__(self, main_pid: int, hit: Callable[[int], None]) -> None:
        self._pages = HeartbeatProbe(Path(psutil.Process(main_pid).environ()["HOLTER_SCRATCH"]), 0.0)
        self._hit = hit
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._hunt, daemon=True)
        self._thread.start()

    def _hunt(self) -> None:
        until_s = time.monotonic() + HUNT_S
        while time.monotonic() < until_s and not self._over.wait(HUNT_EVERY_S):
            if (pid := exporting(self._pages)) is not None:
                self._hit(pid)
                return

    def end(self) -> None:
        self._over.set()
        self._thread.join()


def exporting(pages: HeartbeatProbe) -> int | None:
    """Return the PID of an export worker that writes a case while the main process waits for it, or None."""
    beats = [sample for sample in pages.read(0.0).samples if isinstance(sample, Beat)]
    if not any(beat.role == "main" and beat.waits_for == "export-result" for beat in beats):
        return None
    return next((beat.pid for beat in beats if beat.role == "export-worker" and beat.case), None)
