"""A control group with a CPU limit: cgroup v1 or v2, wherever one can be created."""

from __future__ import annotations

import time
from pathlib import Path

from holter.linux.cgroups import Group, find_groups
from holter.linux.mounts import parse_mountinfo
from holter.linux.procfs import read_text

PERIOD_US = 100_000  # the kernel's default
REMOVE_WAIT_S = 2.0  # the kernel releases a group shortly after its last process has ended
POLL_S = 0.05


class CpuGroup:
    """A child control group: move processes into it, limit its CPU time, remove it."""

    def __init__(self, folder: Path, home: Group) -> None:
        self.folder = folder
        self._home = home  # group to move processes back to

    @property
    def members(self) -> Path:
        """File that lists the group's processes; writing a PID to it moves that process in."""
        return self.folder / "cgroup.procs"

    def limit(self, cpus: float | None) -> None:
        """Set the quota in CPUs; None removes it."""
        quota_us = None if cpus is None else int(cpus * PERIOD_US)
        if self._home.version == "v2":
            (self.folder / "cpu.max").write_text(f"{'max' if quota_us is None else quota_us} {PERIOD_US}")
        else:
            (self.folder / "cpu.cfs_period_us").write_text(str(PERIOD_US))
            (self.folder / "cpu.cfs_quota_us").write_text(str(-1 if quota_us is None else quota_us))

    def add(self, pid: int) -> None:
        """Move a process into the group; ignore one that has ended."""
        _move(pid, self.members)

    def remove(self) -> None:
        """Move the processes back and remove the group; give up after two seconds, and leave it in place."""
        end_s = time.monotonic() + REMOVE_WAIT_S
        while not self._removed() and time.monotonic() < end_s:
            time.sleep(POLL_S)

    def _removed(self) -> bool:
        try:
            for pid in self.members.read_text().split():
                _move(int(pid), self._home.folder / "cgroup.procs")
            self.folder.rmdir()
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return True


def _move(pid: int, members: Path) -> None:
    try:
        members.write_text(str(pid))
    except ProcessLookupError:
        return


def make_group(name: str, proc: Path = Path("/proc"), root: Path = Path("/sys/fs/cgroup")) -> CpuGroup | None:
    """Return a new group below or beside that of this process, without a limit; None if none can be created."""
    for parent, home in _places(proc, root):
        group = CpuGroup(parent / name, home)
        try:
            group.folder.mkdir()
        except OSError:
            continue
        try:
            group.limit(None)
        except OSError:
            group.folder.rmdir()
            continue
        return group
    return None


def _places(proc: Path, root: Path) -> list[tuple[Path, Group]]:
    membership, mountinfo = (read_text(proc / "self" / name) or "" for name in ("cgroup", "mountinfo"))
    groups = find_groups(membership, parse_mountinfo(mountinfo), root)["cpu"]
    if not groups:
        return []
    own = groups[0]
    if own.version == "v1":
        return [(own.folder, own)]
    # Version 2 passes the controller on only if subtree_control names it, and such a group has no
    # processes of its own: the new group becomes a sibling of ours or of one of our ancestors.
    handed_on = {group: (read_text(group.folder / "cgroup.subtree_control") or "").split() for group in groups}
    return [(group.folder, own) for group in groups if "cpu" in handed_on[group]]
