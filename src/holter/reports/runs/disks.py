"""Find out which disks answer: one that does not must not hold up a list of all runs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from holter.linux.mounts import mount_that_may_hang, parse_mountinfo
from holter.linux.procfs import read_text

# A file server that is only slow answers by then; a person waits for the list.
ANSWERS_WITHIN_S = 3.0


class Disks:
    """The disks of tapes. Each that may hang is asked once, when the first path on it is asked about."""

    def __init__(self, mountinfo: Path = Path("/proc/self/mountinfo")) -> None:
        self._mounts = parse_mountinfo(read_text(mountinfo))
        self._answers: dict[str, bool] = {}

    def answers(self, path: Path) -> bool:
        """Return whether the disk of a path answers. That of a local path, or of an unknown one, is taken to do so."""
        mount = mount_that_may_hang(path, self._mounts)
        if mount is None:
            return True
        if mount.mount_point not in self._answers:
            self._answers[mount.mount_point] = _is_answered(path)
        return self._answers[mount.mount_point]


def _is_answered(path: Path) -> bool:
    # In a child, which is left to itself if it hangs: a thread in such a call would keep this process from ending.
    command = ["sh", "-c", 'test -e "$1"', "sh", os.fspath(path)]
    try:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        return True
    try:
        child.wait(ANSWERS_WITHIN_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.returncode = 0  # nobody waits for it any more, also not at the end of this process
        return False
    return True
