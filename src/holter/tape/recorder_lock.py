"""Find out whether the recorder of a tape has ended without closing it."""

from __future__ import annotations

import os
import struct
import sys
from pathlib import Path

# The byte that every connection to a database in WAL mode holds: UNIX_SHM_DMS in SQLite's os_unix.c.
LOCKED_BYTE = 128
# ``struct flock`` of 64-bit Linux: type, origin, start, length, PID; the size is a multiple of eight.
_FLOCK = "hhqqi0q"


def beside(path: Path) -> Path:
    """Return the path of the file beside a tape on which its writer holds a lock."""
    return path.with_name(path.name + "-shm")


def is_unlocked(path: Path) -> bool:
    """Return whether no process has an unfinished tape open; False where this cannot be determined.

    Only for a tape that this machine writes, and while this process has no connection to it: closing the file gives up
    its locks. The kernel answers for other containers too, where ``/proc/locks`` shows nothing.
    """
    if sys.platform != "linux":
        return False
    import fcntl

    try:
        descriptor = os.open(beside(path), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # closed, on NFS (no WAL there), or copied alone
        return False
    try:
        asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, LOCKED_BYTE, 1, 0)
        answer = fcntl.fcntl(descriptor, fcntl.F_GETLK, asked)
        return bool(struct.unpack(_FLOCK, answer)[0] == fcntl.F_UNLCK)
    except (OSError, struct.error):
        return False
    finally:
        os.close(descriptor)
