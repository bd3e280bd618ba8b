"""One data worker is killed (SIGKILL), as by the kernel when memory runs out."""

from __future__ import annotations

# ruff: noqa: ARG002 -- every fault is given the context
import signal

import psutil

from holter.demo.faults.fault import Context, Harmless
from holter.demo.faults.victims import send, take
from holter.errors import DemoFailed
from holter.sentences import define

NO_WORKER = define("error.demo.no-worker-to-kill", "The training has no data worker that could be killed.")


class KillWorker(Harmless):
    """Sends SIGKILL to one worker; nnU-Net ends with a message that names neither the worker nor the reason."""

    name = "kill-worker"
    true_cause: str | None = "worker-killed"

    def __init__(self) -> None:
        self._victim: psutil.Process | None = None

    def inject(self, context: Context) -> None:
        """Kill the first training worker, once."""
        if self._victim is not None:
            return
        workers = context.of_role("train-worker")
        if not workers:
            raise DemoFailed(NO_WORKER())
        self._victim = take(workers[0].pid)
        send(self._victim, signal.SIGKILL)

    def undo(self, context: Context) -> None:
        """Forget the victim, so that the next demo can kill again."""
        self._victim = None
