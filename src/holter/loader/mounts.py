"""Find the mount of a file from the kernel's list alone: access to the file itself could hang."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import NamedTuple

# One round trip per read; python-blosc2 issue 188 measured 1.5 s instead of 0.03 s for one box over NFS.
_NETWORK = re.compile(r"^(nfs|cifs|smb|lustre|gpfs|beegfs|ceph|gluster|afs|9p|virtiofs|orangefs|panfs|wekafs|fuse\.)")
_ESCAPED = re.compile(r"\\([0-7]{3})")


class MountedOn(NamedTuple):
    """A mount point and its kind of file system."""

    mount_point: str
    fs_type: str

    @property
    def is_network(self) -> bool:
        """Whether a read may need a network round trip."""
        return _NETWORK.match(self.fs_type) is not None


def mount_of(file: Path, mountinfo: Path = Path("/proc/self/mountinfo")) -> MountedOn | None:
    """Return the mount of ``file``, by its name and, if it is a link, by its target; None: unknown.

    Source:  proc_pid_mountinfo(5).
    """
    try:
        lines = mountinfo.read_text().splitlines()
    except OSError:
        return None
    name = file.absolute()
    with contextlib.suppress(OSError):
        name = name.parent / name.readlink()
    best: MountedOn | None = None
    for line in lines:
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) < 5 or not after:
            continue
        point = _ESCAPED.sub(lambda match: chr(int(match[1], 8)), fields[4])
        # Of equal mount points the last one covers the others.
        if name.is_relative_to(point) and (best is None or len(point) >= len(best.mount_point)):
            best = MountedOn(point, after.split(" ")[0])
    return best
