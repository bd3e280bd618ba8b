"""Ranks of a training on several GPUs (``mp.spawn``) that go on without the process that started them.

A rank is a program of its own and inherits no file, so it does not hold the lock of its fold. It has the fold's
variable, and a heartbeat page with its role, which a spawned data worker does not share.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from holter.hook import page
from holter.linux.procfs import list_numbers, read_text
from holter.probes.machine.environment import process_environ
from holter.probes.process.process_files import parse_stat

# Set by ``holter train`` for everything below it: the lock file of its fold, as ``lock_holders.spelled`` returns it.
VARIABLE = "HOLTER_FOLD_LOCK"
# In the command line of what multiprocessing has spawned; its resource tracker has another one.
SPAWNED = "--multiprocessing-fork"
# A rank has no role of its own, or trains as the main process does.
ROLES = ("main", "other")


def ranks_of(lock: str, proc: Path = Path("/proc")) -> tuple[int, ...]:
    """Return the PIDs of the ranks that train the fold of this lock file, also if their launcher has ended.

    Processes of other users, and ranks without Holter's hook, are not found.
    """
    spawned = [pid for pid in list_numbers(proc) or () if SPAWNED in (read_text(f"{proc}/{pid}/cmdline") or "")]
    return tuple(pid for pid in sorted(spawned) if _is_rank(pid, lock, proc))


def _is_rank(pid: int, lock: str, proc: Path) -> bool:
    stat, environ = parse_stat(read_text(f"{proc}/{pid}/stat")), process_environ(pid, proc)
    if stat is None or stat.state in "ZX" or environ.get(VARIABLE) != lock:
        return False
    with contextlib.suppress(OSError):
        seen = page.decode((Path(environ.get("HOLTER_SCRATCH", "")) / f"beat-{pid}").read_bytes())
        # A worker that was forked by a rank has the rank's command line, and a page of its own.
        return seen is None or (seen.started_ticks == stat.started_ticks and seen.role in ROLES)
    return False
