"""Ask whether a disk answers, in a child: an access to a dead file server may never return.

A thread that waits for it would keep this process from ending; a child is left to itself.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from holter.linux.mounts import mount_that_may_hang, parse_mountinfo
from holter.linux.procfs import read_text

# A file server that is only slow answers by then; a person may wait for it.
ANSWERS_WITHIN_S = 3.0


def may_hang(path: Path) -> bool:
    """Return whether a path is on a disk that may never answer."""
    return mount_that_may_hang(path, parse_mountinfo(read_text("/proc/self/mountinfo"))) is not None


def is_readable(path: Path, within_s: float = ANSWERS_WITHIN_S) -> bool | None:
    """Return whether a file or folder can be opened; None if its disk does not answer in time.

    Raises:  OSError if no child can be started.
    """
    child = subprocess.Popen(
        # Opened, because the kernel remembers for a while whether a file exists.
        ["sh", "-c", ': < "$1"', "sh", os.fspath(path.absolute())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,
    )
    try:
        return child.wait(within_s) == 0
    except subprocess.TimeoutExpired:
        child.kill()
        child.returncode = 0  # nobody waits for it any more, also not at the end of this process
        return None


class Disks:
    """The disks of several paths. Each that may hang is asked once, when the first path on it is asked about."""

    def __init__(self, mountinfo: Path = Path("/proc/self/mountinfo")) -> None:
        self._mounts = parse_mountinfo(read_text(mountinfo))
        self._answers: dict[str, bool] = {}

    def answers(self, path: Path) -> bool:
        """Return whether the disk of a path answers. That of a local path, or of an unknown one, is taken to do so."""
        mount = mount_that_may_hang(path, self._mounts)
        if mount is None:
            return True
        if mount.mount_point not in self._answers:
            self._answers[mount.mount_point] = _answers(path)
        return self._answers[mount.mount_point]


def _answers(path: Path) -> bool:
    try:
        return is_readable(path) is not None
    except OSError:
        return True
