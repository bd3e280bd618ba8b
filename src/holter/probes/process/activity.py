"""Tell whether any thread of some processes wakes up, or one of their connections moves bytes.

What sends or receives slowly hardly computes, and the kernel does not count its bytes for the process.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from holter.linux.procfs import list_numbers, read_text
from holter.linux.tcp_bytes import bytes_by_inode
from holter.probes.process.process_files import parse_stat, parse_status

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
# Signs of life of a connection that is kept open (gRPC, PyTorch's store) are some hundred bytes a minute.
LEAST_BYTES, BYTES_PER_S = 1024, 64.0


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
    ) -> bool:
        """Return whether anything was done since the last look.

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
        queues = {name: queue for pid in both for name, queue in self._connections(pid)}
        cpu_s = {pid: used_s for pid in detached if (used_s := self._used_s(pid)) is not None}
        before_s, old = self._seen_s, (self._switches, self._queues, self._cpu_s)
        self._seen_s, self._switches, self._queues, self._cpu_s = t_s, switches, queues, cpu_s
        if before_s is None:
            self._moved(queues, queues, 0.0)
            return False
        most = max(LEAST_SWITCHES, SWITCHES_PER_S * (t_s - before_s))
        moved = self._moved(queues, old[1], max(LEAST_BYTES, BYTES_PER_S * (t_s - before_s)))
        return (
            switches.keys() != old[0].keys()  # a thread that lives for one transfer
            or any(count - old[0][thread] > most for thread, count in switches.items())
            or moved
            or cpu_s.keys() != old[2].keys()
            or any(used_s - old[2][pid] > CORES * (t_s - before_s) for pid, used_s in cpu_s.items())
        )

    def _moved(self, queues: Mapping[str, str], old: Mapping[str, str], least: float) -> bool:
        # Who sends the same amount at a time may always leave the same number in the queues.
        counted = bytes_by_inode() if queues else {}
        before, self._bytes = self._bytes, {inode: counted[inode] for inode in queues if inode in counted}
        return queues != old or any(total - before.get(inode, total) > least for inode, total in self._bytes.items())

    def _threads(self, pid: int) -> Iterator[tuple[tuple[int, int], int]]:
        for thread in list_numbers(self._proc / str(pid) / "task") or ():
            status = read_text(self._proc / str(pid) / "task" / str(thread) / "status")
            count = parse_status(status).voluntary_switches
            if count is not None and OWN.match(status or "") is None:
                yield (pid, thread), count

    def _connections(self, pid: int) -> Iterator[tuple[str, str]]:
        # How many bytes wait in the two queues of each.
        own = set(self._sockets(pid))
        for table in TABLES if own else ():
            for line in (read_text(self._proc / str(pid) / "net" / table) or "").splitlines()[1:]:
                words = line.split()
                if len(words) > 9 and words[9] in own:
                    yield words[9], words[4]

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


def marked(mark: str, known: Collection[int], proc: Path = Path("/proc")) -> frozenset[int]:
    """Return the processes that have ``mark`` (``NAME=value``) in their environment, but are not among the known ones.

    They were started by the run, and have left it: their parent has ended, or they have a session of their own.
    """
    found = set()
    for pid in set(list_numbers(proc) or ()) - set(known):
        try:
            variables = (proc / str(pid) / "environ").read_bytes().split(b"\0")
        except OSError:
            continue  # another user's, or gone
        if os.fsencode(mark) in variables:
            found.add(pid)
    return frozenset(found)
