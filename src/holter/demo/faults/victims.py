"""Send signals to processes of the training, safe against reused PIDs."""

from __future__ import annotations

import contextlib
import signal
import time
from pathlib import Path

import psutil

from holter.demo.faults.fault import Context, Worker
from holter.errors import DemoFailed
from holter.sentences import define

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
