"""Workers of a dead training that still hold its lock file open, and keep the next training from starting."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

from holter.linux.procfs import list_numbers, read_text
from holter.probes.process.process_files import PF_FORKNOEXEC, Stat, parse_stat

GONE_WITHIN_S = 5.0  # data workers hold no GPU memory


def orphaned_holders(file: str) -> tuple[int, ...]:
    """Return the PIDs of orphaned workers that have this file open; empty if there are none, or if a training has.

    An orphaned worker was forked by a process that has ended, and has started no program since: the kernel says so. A
    training was started as a program, so it and all that it forked are left out. Processes of others cannot be read.

    ``file``: as the kernel spells it in ``/proc/PID/fd``.
    """
    holders = {stat.pid: stat for pid in list_numbers("/proc") or () if (stat := _holder(pid, file)) is not None}
    return tuple(sorted(pid for pid in holders if _root(pid, holders).flags & PF_FORKNOEXEC))


def end_orphaned_holders(file: str) -> tuple[int, ...]:
    """Kill these workers, wait until they are gone, and return their PIDs."""
    ended = orphaned_holders(file)
    for pid in ended:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    until_s = time.monotonic() + GONE_WITHIN_S
    while orphaned_holders(file) and time.monotonic() < until_s:
        time.sleep(0.05)
    return ended


def _holder(pid: int, file: str) -> Stat | None:
    # Only the names of links are read: a look at the files themselves would wait for a dead mount.
    if pid == os.getpid():
        return None
    try:
        is_open = any(str(link.readlink()) == file for link in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:  # another user's, or gone
        return None
    stat = parse_stat(read_text(f"/proc/{pid}/stat")) if is_open else None
    return None if stat is None or stat.state in "ZX" else stat


def _root(pid: int, holders: dict[int, Stat]) -> Stat:
    stat = holders[pid]
    while stat.ppid in holders:
        stat = holders[stat.ppid]
    return stat


def spelled(path: Path) -> str:
    """Return the path as ``/proc/PID/fd`` spells it."""
    return str(path.resolve())
