"""One data worker is stopped (SIGSTOP), as by a debugger or a suspended job.

The worker is alive, so nnU-Net keeps polling. It stalls as soon as it needs a tensor that the stopped worker has
announced, because it must ask that worker for the file descriptor. It prints nothing, and waits without end.
"""

from __future__ import annotations

# ruff: noqa: ARG002 -- every fault is given the context
import signal
import time

import psutil

from holter.demo.faults.fault import Context, DemoFault, Worker
from holter.demo.faults.victims import send, stop, take, tensors_not_fetched, train_workers

ATTEMPTS = 200  # with PAUSE_S: two seconds, in which every worker announces several batches
PAUSE_S = 0.01  # lets a worker that was stopped between two batches continue


class FreezeWorker(DemoFault):
    """Sends SIGSTOP to a worker that has announced a tensor."""

    name = "freeze-worker"
    true_cause: str | None = "frozen-worker"

    def __init__(self) -> None:
        self._victim: psutil.Process | None = None

    def inject(self, context: Context) -> None:
        """Stop one worker at a moment when the training will have to ask it for a tensor.

        The training does not wait for a worker that has announced nothing: the others carry on.
        """
        if self._victim is not None:
            return
        workers = train_workers(context)
        for attempt in range(ATTEMPTS):
            self._victim = take(_likeliest(workers, attempt).pid)
            stop(self._victim)
            # Keep the last attempt, and the first one if tensors cannot be counted.
            if tensors_not_fetched(self._victim.pid) != 0:
                return
            if attempt < ATTEMPTS - 1:
                send(self._victim, signal.SIGCONT)
                time.sleep(PAUSE_S)

    def relieve(self, context: Context) -> None:
        if self._victim is not None:
            send(self._victim, signal.SIGCONT)
            self._victim = None


def _likeliest(workers: tuple[Worker, ...], attempt: int) -> Worker:
    counts = [tensors_not_fetched(worker.pid) or 0 for worker in workers]
    if max(counts) == 0:
        return workers[attempt % len(workers)]
    return workers[counts.index(max(counts))]
