"""Words and measures that evidence and detectors share."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterable

from holter.probes.training.remarks import NOT_SAVED
from holter.records import ActionTaken, ProcessEnded
from holter.sentences import has

# batchgenerators polls its queues every 2 ms, which costs an idle process 2 to 8 % of a core. A process that works
# uses most of one, or, where many share few cores, at least this much averaged over some seconds.
WORKING_CPU_RATIO = 0.25
# Where many share few CPUs each gets little of one: together they work if they use most of what they may use.
SHARED_CPU_PART = 0.75

# Errors of shared memory, by torch and by multiprocessing; their "No space left on device" is that of /dev/shm.
NO_SHM = re.compile(
    r"/torch_\d|insufficient shared memory|shared memory file|unable to (?:open|write|allocate|resize)[^\n]*shared"
    r"|SemLock|/dev/shm"
)


def works_together(cpu_ratios: Iterable[float], effective_cpus: float) -> bool:
    """Whether anybody works: one process alone, or all of them together on too few CPUs."""
    ratios = list(cpu_ratios)
    return max(ratios, default=0.0) >= WORKING_CPU_RATIO or sum(ratios) >= SHARED_CPU_PART * effective_cpus


def signal_name(number: int) -> str:
    """SIGKILL for 9."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def ending(event: ProcessEnded) -> str | None:
    """SIGKILL, or "exit code 1"; None if nobody could tell."""
    if event.exit_signal is not None:
        return signal_name(event.exit_signal)
    return None if event.exit_code is None else f"exit code {event.exit_code}"


def label(role: str, worker_index: int | None, pid: int | None) -> str:
    """How a process is called in sentences, e.g. "train-worker 2 (PID 4711)"."""
    number = "" if worker_index is None else f" {worker_index}"
    return f"{role}{number}" if pid is None else f"{role}{number} (PID {pid})"


def is_failed_save(action: ActionTaken) -> bool:
    """Whether this tells of a checkpoint that the hook could not write; a refused request names no file."""
    failed = (action.action, action.state, action.source) == ("save-checkpoint", "failed", "hook")
    if action.message is None:  # a tape of before
        return failed and ".pth: " in action.text
    return failed and has(action.message, *NOT_SAVED)
