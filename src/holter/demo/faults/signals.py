"""Processes are stopped (SIGSTOP) or killed (SIGKILL): a data worker, or the training itself.

A worker is stopped as by a debugger or a suspended job. It is alive, so nnU-Net keeps polling. It stalls as soon as it
needs a tensor that the stopped worker has announced, because it must ask that worker for the file descriptor. It prints
nothing, and waits without end. A worker is killed as by the kernel when memory runs out; the main process as by a
scheduler's time limit, and its workers stay as orphans.
"""

from __future__ import annotations

# ruff: noqa: ARG002 -- every fault is given the context
import contextlib
import signal
import time
from pathlib import Path

import psutil

from holter.demo.faults.fault import Context, DemoFault, Worker
from holter.errors import DemoFailed
from holter.sentences import define

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


NO_WORKER = define("error.demo.no-worker", "The training has no data worker.")
ENDED_TOO_EARLY = define("error.demo.ended-too-early", "Process {pid} ended before the fault could be injected.")

# Torch passes tensors in shared memory; a worker keeps the descriptor of each tensor until it is fetched.
_SHARED_TENSOR = "/torch_"
STOPPED_WITHIN_S = 2.0


def train_workers(context: Context) -> tuple[Worker, ...]:
    """Return the training's data workers.

    Raises:  DemoFailed if there are none.
    """
    workers = context.of_role("train-worker")
    if not workers:
        raise DemoFailed(NO_WORKER())
    return workers


def take(pid: int) -> psutil.Process:
    """Return a handle that means this process even if its PID is reused later.

    Raises:  DemoFailed if the process has ended.
    """
    try:
        return psutil.Process(pid)
    except psutil.NoSuchProcess as error:
        raise DemoFailed(ENDED_TOO_EARLY(pid=pid)) from error


def send(victim: psutil.Process, number: signal.Signals) -> bool:
    """Send a signal; return whether the process still existed."""
    try:
        victim.send_signal(number)
    except psutil.NoSuchProcess:
        return False
    return True


def stop(victim: psutil.Process) -> None:
    """Send SIGSTOP and wait until the process has stopped: on a busy machine that takes a while."""
    send(victim, signal.SIGSTOP)
    until = time.monotonic() + STOPPED_WITHIN_S
    with contextlib.suppress(psutil.NoSuchProcess):
        while time.monotonic() < until and victim.status() != psutil.STATUS_STOPPED:
            time.sleep(0.001)


def tensors_not_fetched(pid: int, proc: Path = Path("/proc")) -> int | None:
    """Return the number of shared-memory tensors that the process keeps for a reader; None if unreadable."""
    try:
        return sum(_SHARED_TENSOR in _target(link) for link in (proc / str(pid) / "fd").iterdir())
    except OSError:
        return None


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except FileNotFoundError:  # closed meanwhile
        return ""
