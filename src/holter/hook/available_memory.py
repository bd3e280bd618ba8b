"""How many bytes this process can still allocate before the OOM killer acts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

PROC, CGROUP = Path("/proc"), Path("/sys/fs/cgroup")
NO_LIMIT_BYTES = 1 << 60  # version 1 writes "no limit" as the largest page-aligned number
# Names of limit, usage and reclaimable page cache in the two versions of control groups.
V2 = ("memory.max", "memory.current", "inactive_file")
V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def available_bytes(proc: Path = PROC, cgroup: Path = CGROUP) -> int | None:
    """Return the free bytes of the machine or of a control group of this process, whichever is less; None: unknown."""
    left = [_of_machine(proc), *(_of_group(folder, names) for folder, names in _groups(proc, cgroup))]
    return min((free for free in left if free is not None), default=None)


def _of_machine(proc: Path) -> int | None:
    for line in _lines(proc / "meminfo"):
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _groups(proc: Path, cgroup: Path) -> Iterator[tuple[Path, tuple[str, str, str]]]:
    for line in _lines(proc / "self" / "cgroup"):
        number, controllers, path = line.split(":", 2)
        roots = [cgroup, cgroup / "unified"] if number == "0" else [cgroup / "memory"]
        if number != "0" and "memory" not in controllers.split(","):
            continue
        for root in roots:
            here = root / path.lstrip("/")
            if ".." in here.parts or not here.is_dir():  # a container sees its own group as the root
                here = root
            own = [folder for folder in (here, *here.parents) if folder.is_relative_to(root)]
            yield from ((folder, V2 if number == "0" else V1) for folder in own)


def _of_group(folder: Path, names: tuple[str, str, str]) -> int | None:
    limit, usage = (_number(folder / name) for name in names[:2])
    if limit is None or usage is None or limit >= NO_LIMIT_BYTES:
        return None
    cache = [line.split() for line in _lines(folder / "memory.stat")]
    return limit - usage + sum(int(words[1]) for words in cache if words[:1] == [names[2]])


def _number(path: Path) -> int | None:
    text = "".join(_lines(path)).strip()
    return int(text) if text.isdigit() else None  # "max": no limit


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
