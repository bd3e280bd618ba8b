"""Memory of a process by kind: private pages, pages shared with its parent, arenas of the C library."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from holter.linux.procfs import parse_counters, read_text
from holter.records import Role

_KIB = 1024
# Reading the page tables takes 22 ms per GB (Linux 6.18), and slow memory growth takes hours.
EVERY_S = 300.0
# These may share pages with the main process since the fork. The main's own tables are the largest and add nothing.
_FORKED: tuple[Role, ...] = ("train-worker", "val-worker")
# glibc gives a thread its own arena: an anonymous mapping of 64 MiB at a multiple of 64 MiB, the used part readable and
# writable, the rest without any right.
ARENA_BYTES = 64 << 20


class Memory(NamedTuple):
    """Memory of one process in bytes; None if not readable or not read this time."""

    private_bytes: int | None = None
    shared_bytes: int | None = None
    arenas: int | None = None
    arena_bytes: int | None = None


class MemoryReader:
    """Reads the memory of each process every five minutes, because one reading is costly."""

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._proc = proc
        self._due_s: dict[int, float] = {}

    def read(self, pid: int, role: Role, t_s: float) -> Memory:
        """Return the memory of the process in bytes; all None if no reading is due or its role is not measured."""
        if role not in ("main", *_FORKED) or t_s < self._due_s.get(pid, float("-inf")):
            return Memory()
        self._due_s[pid] = t_s + EVERY_S
        rollup = read_text(self._proc / str(pid) / "smaps_rollup") if role in _FORKED else None
        private, shared = parse_rollup(rollup)
        arenas, size = parse_arenas(read_text(self._proc / str(pid) / "maps"))
        return Memory(private, shared, arenas, size)

    def forget(self, pid: int) -> None:
        self._due_s.pop(pid, None)


def parse_rollup(text: str | None) -> tuple[int | None, int | None]:
    """Bytes of private and of shared pages: ``Private_Dirty:  2104164 kB``, ``Shared_Clean:  6660 kB``."""
    counters = parse_counters(text)
    sums = []
    for kind in ("Private", "Shared"):
        parts = [counters[name] for name in (f"{kind}_Clean", f"{kind}_Dirty") if name in counters]
        sums.append(sum(parts) * _KIB if parts else None)
    return sums[0], sums[1]


def parse_arenas(text: str | None) -> tuple[int | None, int | None]:
    """Number of the C library's extra arenas, and the bytes in them that it uses or keeps.

    ``7f2c40000000-7f2c40021000 rw-p 00000000 00:00 0`` and, next to it, ``7f2c40021000-7f2c44000000 ---p …``.
    """
    if not text:
        return None, None
    count = size = 0
    open_at: tuple[int, int] | None = None  # begin and end of a mapping that starts like an arena
    for line in text.splitlines():
        words = line.split()
        begin, _, end = words[0].partition("-")
        first, last = int(begin, 16), int(end, 16)
        if open_at is not None and first == open_at[1] and words[1] == "---p" and last == open_at[0] + ARENA_BYTES:
            count, size = count + 1, size + open_at[1] - open_at[0]
        anonymous = words[1] == "rw-p" and len(words) == 5 and words[4] == "0" and first % ARENA_BYTES == 0
        whole = anonymous and last - first == ARENA_BYTES
        count, size = (count + 1, size + ARENA_BYTES) if whole else (count, size)
        open_at = (first, last) if anonymous and last - first < ARENA_BYTES else None
    return count, size
