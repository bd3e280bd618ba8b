"""The main process is killed (SIGKILL), as by a scheduler's time limit; its workers stay as orphans."""

from __future__ import annotations

# ruff: noqa: ARG002 -- every fault is given the context
import signal

import psutil

from holter.demo.faults.fault import Context, DemoFault
from holter.demo.faults.victims import send, take
from holter.errors import DemoFailed
from holter.sentences import define

NOT_RUNNING = define("error.demo.not-running", "The training was not running when it should have been killed.")


class KillMain(DemoFault):
    """Sends SIGKILL to the main process."""

    name = "kill-main"
    true_cause: str | None = "external-kill"

    def __init__(self) -> None:
        self._killed = False
        self._orphans: list[psutil.Process] = []

    def inject(self, context: Context) -> None:
        """Kill the main process, once."""
        if self._killed:
            return
        if context.main_pid is None:
            raise DemoFailed(NOT_RUNNING())
        # Taken before the kill: afterwards only the PID would identify them, and it may be reused.
        self._orphans = [take(worker.pid) for worker in context.workers if psutil.pid_exists(worker.pid)]
        send(take(context.main_pid), signal.SIGKILL)
        self._killed = True

    def undo(self, context: Context) -> None:
        """Kill the orphans: batchgenerators' workers never check whether their parent still runs."""
        for orphan in self._orphans:
            send(orphan, signal.SIGKILL)
        self._orphans = []
        self._killed = False
