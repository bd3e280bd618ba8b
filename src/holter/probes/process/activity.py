"""Tell whether any thread of some processes wakes up, or one of their connections moves bytes.

What sends or receives slowly hardly computes, and the kernel does not count its bytes for the process.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from holter.linux.procfs import list_numbers, read_text
from holter.linux.tcp_bytes import bytes_by_inode
from holter.probes.process.process_files import Stat, parse_stat, parse_status

# A thread that fills the buffer of a local socket is woken when three quarters of it are free: every five seconds if
# 30 KB/s leave it.
SWITCHES_PER_S = 0.12
# A look at the stacks wakes every thread.
LEAST_SWITCHES = 3
CORES = 0.01
# Threads that wake many times a second and do nothing for the program: the hook gives such names to its own and to
# those that collect batches (``hook/process.py``), the CUDA driver and PyTorch's NCCL watchdogs to theirs.
OWN = re.compile(r"Name:\t(?:holter-|collects-batch|pt_nccl_|cuda-EvtHandlr|cuda[0-9a-f]{8,})")
TABLES = ("tcp", "tcp6")
LISTENS = "0A"
# Signs of life of a connection that is kept open (gRPC, PyTorch's store) are some hundred bytes a minute.
LEAST_BYTES, BYTES_PER_S = 1024, 64.0


class Connection(NamedTuple):
    """A TCP socket of a process."""

    inode: str
    state: str
    queues: str  # how many bytes wait in the two


class Activity:
    """Compares two looks at processes and their threads; the first says nothing."""

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._proc = proc
        self._seen_s: float | None = None
        self._switches: Mapping[tuple[int, int], int] = {}
        self._queues: Mapping[str, str] = {}
        self._bytes: Mapping[str, int] = {}
        self._cpu_s: Mapping[int, float] = {}

    def look(
        self,
        pids: Collection[int],
        t_s: float,
        detached: Collection[int] = (),
        *,
        polling: Collection[int] = (),
    ) -> bool | None:
        """Return whether anything was done since the last look; None if the kernel does not count a connection's bytes.

        ``pids``: of these every thread and connection counts. ``detached``: of these the CPU time counts too.
        ``polling``: of these the first thread may wake as often as it likes.
        """
        both = {*pids, *detached}
        switches = {
            thread: count
            for pid in both
            for thread, count in self._threads(pid)
            if pid not in polling or thread != (pid, pid)
        }
        connections = [connection for pid in both for connection in self._connections(pid)]
        queues = {connection.inode: connection.queues for connection in connections}
        moving = {connection.inode for connection in connections if connection.state != LISTENS}
        cpu_s = {pid: used_s for pid in detached if (used_s := self._used_s(pid)) is not None}
        before_s, old = self._seen_s, (self._switches, self._queues, self._cpu_s)
        self._seen_s, self._switches, self._queues, self._cpu_s = t_s, switches, queues, cpu_s
        if before_s is None:
            self._moved(queues, queues, moving, 0.0)
            return False
        most = max(LEAST_SWITCHES, SWITCHES_PER_S * (t_s - before_s))
        moved = self._moved(queues, old[1], moving, max(LEAST_BYTES, BYTES_PER_S * (t_s - before_s)))
        acted = (
            switches.keys() != old[0].keys()  # a thread that lives for one transfer
            or any(count - old[0][thread] > most for thread, count in switches.items())
            or cpu_s.keys() != old[2].keys()
            or any(used_s - old[2][pid] > CORES * (t_s - before_s) for pid, used_s in cpu_s.items())
        )
        return True if acted else moved

    def _moved(
        self, queues: Mapping[str, str], old: Mapping[str, str], moving: Collection[str], least: float
    ) -> bool | None:
        # Who sends the same amount at a time may always leave the same number in the queues.
        counted = (bytes_by_inode() if moving else None) or {}
        before, self._bytes = self._bytes, {inode: counted[inode] for inode in moving if inode in counted}
        if queues != old or any(total - before.get(inode, total) > least for inode, total in self._bytes.items()):
            return True
        # Missing, for example, if it belongs to another network namespace.
        return None if any(inode not in before or inode not in counted for inode in moving) else False

    def _threads(self, pid: int) -> Iterator[tuple[tuple[int, int], int]]:
        for thread in list_numbers(self._proc / str(pid) / "task") or ():
            status = read_text(self._proc / str(pid) / "task" / str(thread) / "status")
            count = parse_status(status).voluntary_switches
            if count is not None and OWN.match(status or "") is None:
                yield (pid, thread), count

    def _connections(self, pid: int) -> Iterator[Connection]:
        own = set(self._sockets(pid))
        for table in TABLES if own else ():
            for line in (read_text(self._proc / str(pid) / "net" / table) or "").splitlines()[1:]:
                words = line.split()
                if len(words) > 9 and words[9] in own:
                    yield Connection(inode=words[9], state=words[3], queues=words[4])

    def _sockets(self, pid: int) -> Iterator[str]:
        folder = self._proc / str(pid) / "fd"
        for number in list_numbers(folder) or ():
            try:
                target = str((folder / str(number)).readlink())
            except OSError:
                continue
            if target.startswith("socket:["):
                yield target[len("socket:[") : -1]

    def _used_s(self, pid: int) -> float | None:
        stat = parse_stat(read_text(self._proc / str(pid) / "stat"))
        return None if stat is None else stat.cpu_ticks / os.sysconf("SC_CLK_TCK")


class MarkReader:
    """Finds the processes that have ``mark`` (``NAME=value``) in their environment.

    ``since_ticks``: those that started before are not looked at. The environment of each is read once, and never while
    it is in state D: the kernel may let the reader wait for the lock that such a process holds.
    """

    def __init__(self, mark: str, proc: Path = Path("/proc")) -> None:
        self._mark = os.fsencode(mark)
        self._proc = proc
        self._read: Mapping[tuple[int, int], bool] = {}  # by PID and start

    def find(self, known: Collection[int], since_ticks: int = 0) -> frozenset[int]:
        """Return those that are not among the known ones.

        They were started by the run, and have left it: their parent has ended, or they have a session of their own.
        """
        read: dict[tuple[int, int], bool] = {}
        for pid in set(list_numbers(self._proc) or ()) - set(known):
            stat = parse_stat(read_text(self._proc / str(pid) / "stat"))
            if stat is None or stat.started_ticks < since_ticks:
                continue
            key = pid, stat.started_ticks
            has = self._read.get(key)
            if has is None:
                has = self._has_mark(stat)
            if has is not None:
                read[key] = has
        self._read = read
        return frozenset(pid for (pid, _), has in read.items() if has)

    # None: not readable now.
    def _has_mark(self, stat: Stat) -> bool | None:
        folder = self._proc / str(stat.pid)
        try:
            if stat.state in "DZX" or os.geteuid() not in (0, folder.stat().st_uid):
                return None
            variables = (folder / "environ").read_bytes()
        except OSError:
            return None  # another user's, or gone
        return self._mark in variables.split(b"\0") if variables else None


def marked(mark: str, known: Collection[int], proc: Path = Path("/proc")) -> frozenset[int]:
    """Return the processes that have ``mark`` in their environment now, but are not among the known ones."""
    return MarkReader(mark, proc).find(known)
