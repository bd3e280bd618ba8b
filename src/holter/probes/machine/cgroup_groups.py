"""From a process to the folders of its control groups, its own group first, the outermost last."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

from holter.linux.mounts import Mount, is_below

CONTROLLERS = ("cpu", "cpuset", "memory", "pids")
_USUAL_PLACE = PurePosixPath("/sys/fs/cgroup")


class Group(NamedTuple):
    """One control group."""

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
    if point == _USUAL_PLACE or _USUAL_PLACE in point.parents:
        return root / point.relative_to(_USUAL_PLACE)
    return Path(point)
