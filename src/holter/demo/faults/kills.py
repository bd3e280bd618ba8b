"""Processes are killed (SIGKILL): a data worker, as by the kernel when memory runs out, or the training itself.

The main process is killed as by a scheduler's time limit; its workers stay as orphans. ``FreezeThenKill`` has two
faults that end a stock training, and that Holter heals.
"""

from __future__ import annotations

# ruff: noqa: ARG002 -- every fault is given the context
import signal

import psutil

from holter.demo.faults.fault import Context, DemoFault
from holter.demo.faults.freeze_worker import FreezeWorker
from holter.demo.faults.victims import send, take, train_workers
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


class KillWorker(DemoFault):
    """Sends SIGKILL to one worker; nnU-Net ends with a message that names neither the worker nor the reason."""

    name = "kill-worker"
    true_cause: str | None = "worker-killed"

    def __init__(self) -> None:
        self._victim: psutil.Process | None = None

    def inject(self, context: Context) -> None:
        """Kill the first training worker, once."""
        if self._victim is not None:
            return
        self._victim = take(train_workers(context)[0].pid)
        send(self._victim, signal.SIGKILL)

    def undo(self, context: Context) -> None:
        """Forget the killed worker, so that ``inject`` can kill again in the next demo."""
        self._victim = None


class FreezeThenKill(DemoFault):
    """Freezes a worker; after it was replaced and an epoch has ended, kills the main process."""

    name = "freeze-then-kill"
    true_cause: str | None = "frozen-worker"
    heals = True

    def __init__(self) -> None:
        self._freeze = FreezeWorker()
        self._kill = KillMain()

    def prepare(self, context: Context) -> dict[str, str]:
        """Return the setting that saves after every epoch, which takes only seconds in the demo."""
        return {"HOLTER_CHECKPOINT_EVERY_S": "0"}

    def inject(self, context: Context) -> None:
        self._freeze.inject(context)

    def inject_next(self, context: Context) -> None:
        """Kill the main process."""
        self._kill.inject(context)

    def relieve(self, context: Context) -> None:
        """Resume the worker, if it still exists."""
        self._freeze.relieve(context)

    def undo(self, context: Context) -> None:
        """Resume the worker and kill the orphans."""
        self.relieve(context)
        self._kill.undo(context)
