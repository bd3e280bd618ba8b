"""How much memory may be used, on this machine and in this container."""

from __future__ import annotations

import re
from pathlib import Path

RAM_SHARE = 0.5  # of the free memory; the page cache of all other files needs the other half

_UNLIMITED = 1 << 60  # cgroup v1 writes a number near 2 ** 63 for "no limit"


def ram_budget_bytes(share: float = RAM_SHARE, root: Path = Path("/")) -> int:
    """Return a share of the free memory: that of the machine, or that of this process's control groups if it is less.

    Units:   bytes; 0 if nothing could be read.
    Source:  kernel documentation, cgroup-v2 memory.max and memory.stat; proc_meminfo(5).
    """
    known = [free for free in (_machine_free(root), *_groups_free(root)) if free is not None]
    return max(0, int(min(known, default=0) * share))


def _machine_free(root: Path) -> int | None:
    match = re.search(r"^MemAvailable:\s+(\d+) kB", _text(root / "proc/meminfo"), re.MULTILINE)
    return int(match[1]) * 1024 if match else None


def _groups_free(root: Path) -> list[int | None]:
    per_group: list[int | None] = []
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        top = root / "sys/fs/cgroup" / ("memory" if controllers else "")
        names = (
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
            if controllers
            else ("memory.max", "memory.current", "inactive_file")
        )
        group = top / path.strip("/")
        # Inside a container the path may be the host's; then the container's own group is the top one.
        per_group += [_group_free(each, *names) for each in (group, *group.parents) if each.is_relative_to(top)]
    return per_group


def _group_free(group: Path, limit: str, usage: str, reclaimable: str) -> int | None:
    most, used = _text(group / limit).strip(), _text(group / usage).strip()
    if not most.isdigit() or not used.isdigit() or int(most) >= _UNLIMITED:
        return None
    cached = re.search(rf"^{reclaimable} (\d+)$", _text(group / "memory.stat"), re.MULTILINE)
    return int(most) - int(used) + (int(cached[1]) if cached else 0)


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
