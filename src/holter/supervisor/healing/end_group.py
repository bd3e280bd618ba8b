"""End a training for good, with all processes that it started."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Callable

import psutil

from holter.sentences import define

PROCESSES = define("act.processes", "{count} processes", one="{count} process")

# A main process that can end itself does so within this time; it has saved before.
TERM_WITHIN_S = 5.0
# A killed process releases its memory, including GPU memory, before it is gone.
GONE_WITHIN_S = 10.0
# This process removes shared tensors by name when their makers are gone, and then ends. If it were killed with them,
# their batches would stay in /dev/shm. The kernel keeps 15 letters of a name.
SHARED_MEMORY_MANAGER = "torch_shm_manag"


def end_group(child: subprocess.Popen[bytes], living: Callable[[], frozenset[int]]) -> tuple[int, ...]:
    """End a process and all that it started; return the PIDs that cannot be ended (blocked in the kernel, state D).

    ``living``: returns the PIDs of the training's processes that are alive.

    A stopped or stalled process does not handle SIGTERM: after TERM_WITHIN_S all are killed, also workers, which a
    killed main process would leave behind. Only torch's shared-memory manager is left to end by itself.
    """
    child.poll()
    processes = _family(child, living())
    with contextlib.suppress(OSError):  # it runs as another user, by sudo
        child.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(TERM_WITHIN_S)
    until = time.monotonic() + GONE_WITHIN_S
    while True:  # it may start others meanwhile
        processes = list({*processes, *_family(child, frozenset())})
        for process in processes:
            with contextlib.suppress(psutil.Error):
                process.kill()
        child.poll()
        left = [survivor for survivor in processes if _is_there(survivor)]
        if not left or time.monotonic() > until:
            return tuple(survivor.pid for survivor in left)
        time.sleep(0.05)


def _family(child: subprocess.Popen[bytes], others: frozenset[int]) -> list[psutil.Process]:
    # Handles are safe against reused PIDs. An ended child's PID may be another process's, which must not be killed.
    is_there = child.returncode is None
    pids = others | {child.pid} if is_there else others - {child.pid}
    family = [process for process in map(_process, pids) if process is not None]
    if is_there:
        with contextlib.suppress(psutil.Error):
            family += psutil.Process(child.pid).children(recursive=True)
    return [process for process in family if not _manages_shared_memory(process)]


def _manages_shared_memory(process: psutil.Process) -> bool:
    try:
        return bool(process.name().startswith(SHARED_MEMORY_MANAGER))
    except psutil.Error:
        return False


def _process(pid: int) -> psutil.Process | None:
    try:
        return psutil.Process(pid)
    except psutil.Error:
        return None


def _is_there(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False
