"""Create a scratch folder, and remove it when standard input ends: ``python sweep.py PARENT``.

It is a process of its own, in its own session, so that it cleans up even if the process that started it is killed with
``kill -9``: its standard input is a pipe from that process, and ends with it. A line ``pid NUMBER`` on the pipe names a
process group that is killed before the folder is removed. Standard library only.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import sys
import tempfile
import time

PREFIX = "holter-bench-"
LOCK = ".in-use"
PATIENCE_S = 5.0  # until processes that were killed have let go of their files


def main() -> int:
    """Create the folder, wait for the end of standard input, remove the folder.

    Return 0, or 1 if a part of the folder could not be removed.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the pipe says when to end
    remove_left(sys.argv[1])
    folder = tempfile.mkdtemp(prefix=PREFIX, dir=sys.argv[1])
    lock = os.open(os.path.join(folder, LOCK), os.O_CREAT | os.O_RDWR, 0o600)  # noqa: PTH118 - pathlib is slow to import
    fcntl.flock(lock, fcntl.LOCK_EX)
    print(folder, flush=True)
    groups = []
    for line in sys.stdin:
        word, _, group = line.partition(" ")
        if word == "pid":
            groups.append(int(group))
    for pid in groups:
        with contextlib.suppress(OSError):
            os.killpg(pid, signal.SIGKILL)
    until_s = time.monotonic() + PATIENCE_S
    while os.path.exists(folder) and time.monotonic() < until_s:  # noqa: PTH110
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.02)
    return int(os.path.exists(folder))  # noqa: PTH110


def remove_left(parent: str) -> None:
    """Remove scratch folders of earlier runs that were left because their ``sweep.py`` was killed as well.

    Such a folder belongs to this user, and no process holds its lock any more.
    """
    for entry in list(os.scandir(parent)):
        if not entry.name.startswith(PREFIX) or not entry.is_dir(follow_symlinks=False):
            continue
        with contextlib.suppress(OSError):
            if entry.stat(follow_symlinks=False).st_uid != os.geteuid():
                continue
            lock = os.open(os.path.join(entry.path, LOCK), os.O_RDWR)  # noqa: PTH118
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(entry.path, ignore_errors=True)
            finally:
                os.close(lock)


if __name__ == "__main__":
    sys.exit(main())
