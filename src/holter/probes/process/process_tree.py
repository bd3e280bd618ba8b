"""Finds the descendants of a process cheaply, even among thousands of other processes."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from holter.linux.procfs import list_numbers, read_text
from holter.probes.process.process_files import Stat, parse_stat


class ProcessTree:
    """Looks for processes that are new since the previous call.

    A quick search reads only what the first threads of known processes forked: nnU-Net starts its workers this way.
    A thorough search reads all processes started since the last one, and finds children of other threads.
    """

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._proc = proc
        self._strangers: set[int] = set()

    def stat(self, pid: int) -> Stat | None:
        """Return the state of one process; None if it is gone."""
        return parse_stat(read_text(f"{self._proc}/{pid}/stat"))

    def find_new(self, known: Collection[int], *, thorough: bool) -> list[Stat]:
        """Return descendants of the known processes that are not known yet, parents before their children."""
        new = self._thorough(known) if thorough else []
        family = {*known, *(stat.pid for stat in new)}
        row = list(family)
        while row:
            born = [stat for pid in row for stat in self._children(pid) if stat.pid not in family]
            new += born
            row = [stat.pid for stat in born]
            family.update(row)
        return new

    def _children(self, pid: int) -> list[Stat]:
        # Some kernels are built without this file; then only the thorough search finds children.
        text = read_text(f"{self._proc}/{pid}/task/{pid}/children")
        stats = (self.stat(int(word)) for word in (text or "").split())
        return [stat for stat in stats if stat is not None]

    def _thorough(self, known: Collection[int]) -> list[Stat]:
        pids = set(list_numbers(self._proc) or ())
        unseen = [stat for pid in pids - self._strangers - set(known) if (stat := self.stat(pid)) is not None]
        family, descendants = set(known), []
        by_age = sorted(unseen, key=lambda stat: (stat.started_ticks, stat.pid))
        for stat in by_age:
            if stat.ppid in family:
                family.add(stat.pid)
                descendants.append(stat)
        self._strangers = pids - family
        return descendants
