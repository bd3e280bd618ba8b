"""One data worker is killed (SIGKILL), as by the kernel when memory runs out."""

from __future__ import annotations

# ruff: noqa: ARG002 -- every fault is given the context
import signal

import psutil

from holter.demo.faults.fault import Context, DemoFault
from holter.demo.faults.victims import send, take, train_workers


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
