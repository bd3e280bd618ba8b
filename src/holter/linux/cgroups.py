"""Find the control groups of a process, from its own to the outermost, and the memory that they leave to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

from holter.linux.mounts import Mount, is_below, parse_mountinfo
from holter.linux.procfs import parse_counters, read_int, read_text

PROC, ROOT = Path("/proc"), Path("/sys/fs/cgroup")
# Version 1 writes "no limit" as the largest page-aligned number; no machine has an exbibyte.
NO_LIMIT_BYTES = 1 << 60
CONTROLLERS = ("cpu", "cpuset", "memory", "pids")
_USUAL_PLACE = PurePosixPath(ROOT)


class Group(NamedTuple):
    """One control group: its folder and the version of the interface."""

    version: Literal["v1", "v2"]
    path: str  # as the kernel names it
    folder: Path


def parse_membership(text: str) -> dict[str, str]:
    """Map controller -> path of the group, from ``/proc/PID/cgroup``; the group of version 2 has the name ``""``.

    ``4:memory:/slurm/job_7`` and ``2:cpu,cpuacct:/`` are version 1; ``0::/user.slice`` is version 2.
    """
    paths = {}
    for line in text.splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        for controller in controllers.split(","):
            paths[controller] = path
    return paths


def available_bytes(proc: Path = PROC, root: Path = ROOT) -> int | None:
    """Return the free memory of the machine, or that of this process's control groups if it is less; None: unknown.

    Source:  kernel documentation, cgroup-v2 memory.max and memory.stat; proc_meminfo(5).
    """
    machine = parse_counters(read_text(proc / "meminfo")).get("MemAvailable")
    mounts = parse_mountinfo(read_text(proc / "self" / "mountinfo"))
    groups = find_groups(read_text(proc / "self" / "cgroup") or "", mounts, root)["memory"]
    free = [None if machine is None else machine * 1024, *(memory_free(group) for group in groups)]
    return min((known for known in free if known is not None), default=None)


def memory_limit(group: Group) -> int | None:
    """Return the bytes granted by this one group; None without a limit."""
    limit = read_int(group.folder / ("memory.max" if group.version == "v2" else "memory.limit_in_bytes"))
    return limit if limit is not None and limit < NO_LIMIT_BYTES else None


def memory_used(group: Group) -> int | None:
    """Return the bytes in use by this one group, page cache included; None if that cannot be read."""
    return read_int(group.folder / ("memory.current" if group.version == "v2" else "memory.usage_in_bytes"))


def memory_free(group: Group) -> int | None:
    """Return the bytes that this one group has left, with the page cache that the kernel reclaims first.

    None without a limit, or if the use cannot be read.
    """
    limit, used = memory_limit(group), memory_used(group)
    if limit is None or used is None:
        return None
    cache = "inactive_file" if group.version == "v2" else "total_inactive_file"
    return limit - used + parse_counters(read_text(group.folder / "memory.stat")).get(cache, 0)


def find_groups(membership: str, mounts: Sequence[Mount], root: Path) -> dict[str, tuple[Group, ...]]:
    """Return, for each controller, the visible groups of the process, from its own to the outermost."""
    paths = parse_membership(membership)
    by_controller = {}
    for controller in CONTROLLERS:
        groups: tuple[Group, ...] = ()
        if controller in paths:
            hierarchies = [m for m in mounts if m.fs_type == "cgroup" and controller in m.super_options]
            groups = _chain("v1", paths[controller], hierarchies, root)
        if not groups and "" in paths:
            unified = [mount for mount in mounts if mount.fs_type == "cgroup2"]
            groups = _chain("v2", paths[""], unified, root)
        by_controller[controller] = groups
    return by_controller


def _chain(version: Literal["v1", "v2"], path: str, mounts: Iterable[Mount], root: Path) -> tuple[Group, ...]:
    for mount in mounts:
        top = _place(mount.mount_point, root)
        relative = _relative(path, mount.root)
        if relative is None or not top.is_dir():
            continue
        parts = [part for part in relative.split("/") if part]
        folders = [(depth, top.joinpath(*parts[:depth])) for depth in range(len(parts), -1, -1)]
        groups = tuple(
            Group(version, "/".join(["", *parts[:depth]]) or "/", folder)
            for depth, folder in folders
            if folder.is_dir()
        )
        if groups:
            return groups
    return ()


def _relative(path: str, mount_root: str) -> str | None:
    # The group's path below the mount point; None if it is outside. In a container that shares the host's names, the
    # mount shows only the container's own part: group ``/docker/ab/task`` on a mount with root ``/docker/ab`` is
    # ``/task``. A mount root of ``/..`` is above our namespace; its top is at least one of our outer groups.
    if mount_root.startswith("/.."):
        return "/"
    if path.startswith("/.."):
        return None
    return path[len(mount_root.rstrip("/")) :] if is_below(path, mount_root) else None


def _place(mount_point: str, root: Path) -> Path:
    # A mount point below ``/sys/fs/cgroup`` is read below ``root`` instead.
    point = PurePosixPath(mount_point)
    if point.is_relative_to(_USUAL_PLACE):
        return root / point.relative_to(_USUAL_PLACE)
    return Path(point)
