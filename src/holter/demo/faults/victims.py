"""Signals to processes of the training, safe against a PID that has been given to somebody else."""

from __future__ import annotations

import contextlib
import signal
import time
from pathlib import Path

import psutil

from holter.errors import DemoFailed

# Torch hands tensors over in shared memory; a worker keeps the descriptor of each that nobody has fetched.
_SHARED_TENSOR = "/torch_"
STOPPED_WITHIN_S = 2.0


def take(pid: int) -> psutil.Process:
    """A handle that stays with this process even if its PID is used again."""
    try:
        return psutil.Process(pid)
    except psutil.NoSuchProcess as error:
        raise DemoFailed(f"process {pid} ended before the fault could be brought in") from error


def send(victim: psutil.Process, number: signal.Signals) -> bool:
    """Whether the process was there to get the signal."""
    try:
        victim.send_signal(number)
    except psutil.NoSuchProcess:
        return False
    return True


def stop(victim: psutil.Process) -> None:
    """SIGSTOP, and wait until the kernel has carried it out: on a busy machine that takes a while."""
    send(victim, signal.SIGSTOP)
    until = time.monotonic() + STOPPED_WITHIN_S
    with contextlib.suppress(psutil.NoSuchProcess):
        while time.monotonic() < until and victim.status() != psutil.STATUS_STOPPED:
            time.sleep(0.001)


def tensors_not_fetched(pid: int, proc: Path = Path("/proc")) -> int | None:
    """Shared-memory tensors that the process holds open for a reader; None where this cannot be read."""
    try:
        return sum(_SHARED_TENSOR in _target(link) for link in (proc / str(pid) / "fd").iterdir())
    except OSError:
        return None


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except FileNotFoundError:  # closed while we looked
        return ""
