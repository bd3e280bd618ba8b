"""Find the file system of a path from the kernel's list alone: access to the path itself could hang."""

from __future__ import annotations

import contextlib
import os
import re
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from holter.linux.procfs import read_text

# Access to one of these goes over a network or through another program. It may never return, and each read takes a
# round trip: python-blosc2 issue 188 measured 1.5 s instead of 0.03 s for one box over NFS.
_REMOTE = re.compile(
    r"nfs|cifs|smb|fuse|lustre|gpfs|beegfs|ceph|gluster|afs|9p|drvfs|virtiofs|orangefs|panfs|wekafs|autofs"
)
_OCTAL = re.compile(r"\\([0-7]{3})")
# As many links as the kernel follows (path_resolution(7)).
MOST_LINKS = 40


class Mount(NamedTuple):
    """One line of ``/proc/PID/mountinfo``."""

    device: str  # "254:0"
    root: str  # the part of the file system that is mounted
    mount_point: str
    fs_type: str
    source: str
    super_options: tuple[str, ...]

    @property
    def may_hang(self) -> bool:
        """Whether access to this file system depends on a network or on another program."""
        return is_remote(self.fs_type)


def is_remote(fs_type: str) -> bool:
    """Return whether a file system of this type depends on a network or on another program."""
    return _REMOTE.search(fs_type) is not None


def parse_mountinfo(text: str | None) -> tuple[Mount, ...]:
    r"""Return all mounts, in the order of mounting.

    ``36 35 98:0 /sub /mnt/a\040b rw,noatime master:1 - ext4 /dev/sda1 rw,errors=continue``
    """
    mounts = []
    for line in (text or "").splitlines():
        before, separator, after = line.partition(" - ")
        left, right = before.split(" "), after.split(" ")
        if separator and len(left) >= 5 and len(right) >= 2:
            options = tuple(right[2].split(",")) if len(right) > 2 else ()
            mounts.append(
                Mount(left[2], _plain(left[3]), _plain(left[4]), right[0], _plain(right[1]), options),
            )
    return tuple(mounts)


def mount_of(path: str, mounts: Iterable[Mount]) -> Mount | None:
    """Return the mount of ``path`` (absolute, no links): the longest mount point, the last of equal ones."""
    best: Mount | None = None
    for mount in mounts:
        if is_below(path, mount.mount_point) and (best is None or len(mount.mount_point) >= len(best.mount_point)):
            best = mount
    return best


def mount_of_file(file: Path, mountinfo: Path = Path("/proc/self/mountinfo")) -> Mount | None:
    """Return the mount of ``file``, by its name and, if it is a link, by its target; None: unknown.

    Source:  proc_pid_mountinfo(5).
    """
    name = file.absolute()
    with contextlib.suppress(OSError):
        name = name.parent / name.readlink()
    return mount_of(os.path.normpath(name), parse_mountinfo(read_text(mountinfo)))


def mount_that_may_hang(path: Path, mounts: Iterable[Mount]) -> Mount | None:
    """Return the first mount on the way to ``path`` that may hang; None: there is none, or it is unknown.

    Links are followed by name, and only on mounts that cannot hang: this function always returns.
    """
    mounts = tuple(mounts)
    left, here, links = deque(path.absolute().parts[1:]), "/", 0
    while left:
        here = os.path.normpath(os.path.join(here, left.popleft()))  # noqa: PTH118 - links are followed here
        mount = mount_of(here, mounts)
        if mount is not None and mount.may_hang:
            return mount
        with contextlib.suppress(OSError):
            target = os.readlink(here)  # noqa: PTH115 - as text: it may be relative
            links += 1
            if links > MOST_LINKS:
                return None
            left.extendleft(reversed([part for part in target.split("/") if part]))
            here = "/" if target.startswith("/") else os.path.dirname(here)  # noqa: PTH120
    return None


def is_below(path: str, folder: str) -> bool:
    """Return whether ``path`` is ``folder`` or is in it. Only the names are compared: links are not followed."""
    return folder == "/" or path == folder or path.startswith(folder.rstrip("/") + "/")


def _plain(text: str) -> str:
    # Blanks and backslashes are written as octal numbers.
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), text)
