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
    training was started as a program. If any program has the file open, none is returned: it may be a training below
    the fork of a shell. Processes of others cannot be read.

    ``file``: as the kernel spells it in ``/proc/PID/fd``.
    """
    holders = [stat for pid in list_numbers("/proc") or () if (stat := _holder(pid, file)) is not None]
    if not all(stat.flags & PF_FORKNOEXEC for stat in holders):
        return ()
    return tuple(sorted(stat.pid for stat in holders))


def programs_that_hold(file: str) -> tuple[int, ...]:
    """Return the PIDs of programs that have this file open, not of the workers that they forked; not of others."""
    holders = [stat for pid in list_numbers("/proc") or () if (stat := _holder(pid, file)) is not None]
    return tuple(sorted(stat.pid for stat in holders if not stat.flags & PF_FORKNOEXEC))


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
        is_open = any(_target(link) == file for link in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:  # another user's, or gone
        return None
    stat = parse_stat(read_text(f"/proc/{pid}/stat")) if is_open else None
    return None if stat is None or stat.state in "ZX" or _starts_a_program(stat) else stat


def _target(link: Path) -> str | None:
    try:
        return str(link.readlink())
    except FileNotFoundError:  # closed since the list was read, as a training does all the time
        return None


def _starts_a_program(stat: Stat) -> bool:
    # A child of this process that has inherited all its files until its program starts, for a millisecond.
    own = read_text("/proc/self/cmdline")
    return stat.ppid == os.getpid() and read_text(f"/proc/{stat.pid}/cmdline") == own


def spelled(path: Path) -> str:
    """Return the path as ``/proc/PID/fd`` spells it."""
    return str(path.resolve())
