"""The main process is killed (SIGKILL), as by a scheduler's time limit; its workers live on as orphans."""

from __future__ import annotations

# ruff: noqa: ARG002 -- every fault is given the context
import signal

import psutil

from holter.demo.faults.fault import Context, Harmless
from holter.demo.faults.victims import send, take
from holter.errors import DemoFailed


class KillMain(Harmless):
    """SIGKILL to the training itself."""

    name = "kill-main"
    summary = "the training's main process is killed (SIGKILL): the log just stops, the workers stay behind"
    true_cause: str | None = "external-kill"

    def __init__(self) -> None:
        self._killed = False
        self._orphans: list[psutil.Process] = []

    def inject(self, context: Context) -> None:
        """Kill the main process, once."""
        if self._killed:
            return
        if context.main_pid is None:
            raise DemoFailed("the training was not running when it should have been killed")
        # Taken before the kill: afterwards nothing but the PID would tell them from strangers.
        self._orphans = [take(worker.pid) for worker in context.workers if psutil.pid_exists(worker.pid)]
        send(take(context.main_pid), signal.SIGKILL)
        self._killed = True

    def undo(self, context: Context) -> None:
        """End the orphans: batchgenerators' workers never look whether their parent is still there."""
        for orphan in self._orphans:
            send(orphan, signal.SIGKILL)
        self._orphans = []
        self._killed = False
