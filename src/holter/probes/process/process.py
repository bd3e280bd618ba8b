"""Read every process of the training's tree: what it does, what it waits for, and how it ended."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from holter.linux.procfs import read_text
from holter.probes import Reading
from holter.probes.process.pidfd import Ending, ExitWatch, ending_of
from holter.probes.process.process_files import Details, Stat, count_running_threads, parse_cmdline, read_details
from holter.probes.process.process_memory import Memory, MemoryReader
from holter.probes.process.process_roles import Kin, assign_roles, find_main, is_python
from holter.probes.process.process_tree import ProcessTree
from holter.probes.process.process_wait import WaitReader
from holter.records import Event, ProcessBorn, ProcessEnded, ProcessSample, Role

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
# Descriptors, I/O, switches and the full search for children cost more than all other fields together.
_SLOW_S = 5.0
_SLOW_SHIFTS = 5  # the slow fields of different processes are read in different ticks
# A data worker has about four threads. The main process has at least one per core, so its threads are read only when
# the slow fields are due, and never if it has more than this.
_FEW_THREADS = 8
_MANY_THREADS = 64
# A worker whose libraries start one thread per core has up to this many; reading more would take milliseconds.
_CROWD_OF_THREADS = 256
_COUNTED_IN_BATCHES: tuple[Role, ...] = ("main", "train-worker", "val-worker")


@dataclass
class _Watched:
    """What is remembered of one process between two reads."""

    kin: Kin
    stat: Stat
    seen_s: float
    slow_due_s: float
    ours_to_see: bool  # the kernel shows us the exit status of a zombie
    is_fork: bool  # a copy of a Python that runs no program of its own, such as a data worker of any rank
    ended: bool = False


class ProcessProbe:
    """One ``ProcessSample`` a second for ``root_pid`` and each process below it.

    Processes stay watched when their parent dies. ``hints`` (PID -> role and worker index, reported by the training
    itself) override roles guessed from outside; the caller may add to the mapping at any time. Fields that are costly
    to read come every five seconds and are None in between.
    """

    name = "process"
    interval_s = 1.0

    def __init__(
        self,
        root_pid: int,
        clock_zero_boot_s: float = 0.0,
        *,
        proc: Path = Path("/proc"),
        hints: Mapping[int, tuple[Role, int | None]] | None = None,
    ) -> None:
        self.root_pid = root_pid
        self.hints: Mapping[int, tuple[Role, int | None]] = {} if hints is None else hints
        self._zero_s = clock_zero_boot_s
        self._proc = proc
        self._tree = ProcessTree(proc)
        self._waits = WaitReader(proc)
        self._memory = MemoryReader(proc)
        self._exits = ExitWatch()
        self._real = proc == Path("/proc")  # a recorded tree has no living processes behind its numbers
        self._watched: dict[int, _Watched] = {}
        self._family: dict[int, Kin] = {}  # dead workers too: roles depend on the order of starts
        self._roles: dict[int, Role] = {}
        self._reported: dict[int, tuple[Role, int | None]] = {}  # by the process itself, whose page goes before its end
        self._main_pid: int | None = None
        self.before_training = False  # as the main process says: on a busy machine its start takes minutes
        self.main_endings: dict[int, ProcessEnded] = {}  # of the main processes that have ended, by their PID
        self._thorough_due_s = float("-inf")
        self._root_seen = False  # afterwards its PID may belong to another process

    @property
    def main_pid(self) -> int | None:
        """PID of the process that trains; None if it is not found yet."""
        return next((pid for pid, (role, _) in self.hints.items() if role == "main"), self._main_pid)

    def read(self, t_s: float) -> Reading:
        """Return samples of all living processes, oldest first, and the starts and ends since the previous read."""
        samples: list[ProcessSample] = []
        events: list[Event] = []
        for pid in list(self._watched):
            self._read_again(self._watched[pid], t_s, samples, events)
        born = self._newcomers(t_s)
        if born:
            self._assign_roles()
        for watched in born:
            pid = watched.kin.pid
            events.append(ProcessBorn(t_s=t_s, pid=pid, role=self._role(pid)[0], name=watched.stat.name))
            self._read_again(watched, t_s, samples, events, first=True)
        samples.sort(key=lambda sample: (sample.started_s or 0.0, sample.pid))
        return Reading(tuple(samples), tuple(events))

    def left_forks(self) -> frozenset[int]:
        """Return the PIDs of forked copies that live on after the end of the process that they are copies of."""
        return frozenset(
            pid
            for pid, watched in self._watched.items()
            if watched.is_fork and not watched.ended and watched.stat.ppid != watched.kin.ppid
        )

    def read_closely(self, pids: Iterable[int | None]) -> None:
        """Read the slow fields of these processes in the next read too, because they may end soon."""
        for pid in pids:
            if pid in self._watched:
                self._watched[pid].slow_due_s = 0.0

    def close(self) -> None:
        self._exits.close()
        self._watched.clear()

    def _newcomers(self, t_s: float) -> list[_Watched]:
        thorough = t_s >= self._thorough_due_s
        if thorough:
            self._thorough_due_s = t_s + _SLOW_S
        stats = []
        if not self._root_seen and (root := self._tree.stat(self.root_pid)) is not None:
            self._root_seen = True
            stats.append(root)
        known = {*self._watched, *(stat.pid for stat in stats)}
        if known:
            stats += self._tree.find_new(known, thorough=thorough)
        return [self._welcome(stat, t_s) for stat in stats]

    def _welcome(self, stat: Stat, t_s: float) -> _Watched:
        pid = stat.pid
        if self._real:
            self._exits.add(pid)
        kin = Kin(pid, stat.ppid, self._started_s(stat), self._cmdline(pid))
        watched = _Watched(
            kin=kin,
            stat=stat,
            seen_s=t_s,
            slow_due_s=t_s,
            ours_to_see=os.geteuid() in (0, self._owner(pid)),
            is_fork=is_python(kin.cmdline) and self._cmdline_of_watched(stat.ppid) == kin.cmdline,
        )
        self._watched[pid] = watched
        self._family[pid] = kin
        return watched

    def _read_again(
        self,
        watched: _Watched,
        t_s: float,
        samples: list[ProcessSample],
        events: list[Event],
        first: bool = False,
    ) -> None:
        pid = watched.kin.pid
        stat = watched.stat if first else self._tree.stat(pid)
        if stat is None or stat.started_ticks != watched.stat.started_ticks:  # gone, or the PID is another's
            if not watched.ended:
                events.append(self._ended(watched, t_s, self._exits.take_ending(pid), "pidfd"))
            self._forget(pid)
            return
        if stat.state in "ZX" and stat.threads <= 1 and not watched.ended:
            # A zombie: its parent has not reaped it yet, and may never do so.
            watched.ended = True
            ending = ending_of(stat.wait_status) if watched.ours_to_see else None
            events.append(self._ended(watched, t_s, ending, "wait"))
        slow = t_s >= watched.slow_due_s and not watched.ended
        if slow:
            spread_s = _SLOW_S * (1 + pid % _SLOW_SHIFTS) / _SLOW_SHIFTS if first else _SLOW_S
            watched.slow_due_s = t_s + spread_s
            self._recheck_command(watched)
        samples.append(self._sample(watched, stat, t_s, slow=slow, first=first))
        watched.stat, watched.seen_s = stat, t_s

    def _sample(self, watched: _Watched, stat: Stat, t_s: float, *, slow: bool, first: bool) -> ProcessSample:
        role, index = self._role(stat.pid)
        wait = self._waits.read(stat, t_s, all_threads=_needs_threads(role, stat, watched, slow))
        details = read_details(f"{self._proc}/{stat.pid}") if slow else Details()
        memory = self._memory.read(stat.pid, role, t_s) if slow and not first else Memory()
        span_s = t_s - watched.seen_s
        used_s = (stat.cpu_ticks - watched.stat.cpu_ticks) / _TICKS_PER_S
        dead = stat.state == "Z"
        return ProcessSample(
            t_s=t_s,
            pid=stat.pid,
            ppid=stat.ppid,
            name=stat.name,
            role=role,
            worker_index=index,
            started_s=watched.kin.started_s,
            state=wait.state,
            cpu_ratio=None if first or span_s <= 0 else used_s / span_s,
            cpu_s_total=stat.cpu_ticks / _TICKS_PER_S,
            cpu_wait_s_total=details.cpu_wait_s,
            rss_bytes=None if dead else stat.rss_pages * _PAGE_BYTES,
            swap_bytes=details.swap_bytes,
            private_bytes=memory.private_bytes,
            shared_bytes=memory.shared_bytes,
            malloc_arenas=memory.arenas,
            malloc_arena_bytes=memory.arena_bytes,
            threads=stat.threads,
            threads_running=self._running_threads(role, stat) if slow else None,
            voluntary_switches_total=details.voluntary_switches,
            involuntary_switches_total=details.involuntary_switches,
            minor_faults_total=stat.minor_faults,
            major_faults_total=stat.major_faults,
            read_bytes_total=details.read_bytes,
            read_chars_total=details.read_chars,
            write_bytes_total=details.write_bytes,
            fds=details.fds,
            fd_limit=details.limits.fds,
            cpu_time_limit_s=details.limits.cpu_time_s,
            file_size_limit_bytes=details.limits.file_size_bytes,
            address_space_limit_bytes=details.limits.address_space_bytes,
            cpus_allowed=details.cpus_allowed,
            last_cpu=stat.last_cpu,
            wait_channel=wait.channel,
            syscall=wait.syscall,
            syscall_file=wait.file,
            syscall_mount=wait.mount,
        )

    def _running_threads(self, role: Role, stat: Stat) -> int | None:
        crowd = role in ("train-worker", "val-worker") and _FEW_THREADS < stat.threads <= _CROWD_OF_THREADS
        return count_running_threads(f"{self._proc}/{stat.pid}") if crowd else None

    def _ended(self, watched: _Watched, t_s: float, ending: Ending | None, source: str) -> ProcessEnded:
        role, index = self._role(watched.kin.pid)
        event = ProcessEnded(
            t_s=t_s,
            pid=watched.kin.pid,
            role=role,
            worker_index=index,
            exit_code=ending.exit_code if ending else None,
            exit_signal=ending.exit_signal if ending else None,
            rss_bytes=watched.stat.rss_pages * _PAGE_BYTES,
            source=source if ending else "seen",
        )
        if role == "main":
            self.main_endings[event.pid] = event
        return event

    def _forget(self, pid: int) -> None:
        del self._watched[pid]
        self._waits.forget(pid)
        self._memory.forget(pid)
        self._reported.pop(pid, None)
        if self._roles.get(pid) not in _COUNTED_IN_BATCHES:
            self._family.pop(pid, None)
            self._roles.pop(pid, None)

    def _recheck_command(self, watched: _Watched) -> None:
        # Between fork and exec a child shows its parent's command line.
        cmdline = self._cmdline(watched.kin.pid)
        if cmdline and cmdline != watched.kin.cmdline:
            watched.kin, watched.is_fork = watched.kin._replace(cmdline=cmdline), False
            self._family[watched.kin.pid] = watched.kin
            self._assign_roles()

    def _assign_roles(self) -> None:
        if self.main_pid not in self._watched:
            alive = [watched.kin for watched in self._watched.values() if not watched.ended]
            self._main_pid = find_main(self.root_pid, alive) or self._main_pid
        main = self._family.get(self.main_pid) if self.main_pid is not None else None
        if main is not None:
            self._roles = assign_roles(main, self._family.values())

    def _role(self, pid: int) -> tuple[Role, int | None]:
        hint = self.hints.get(pid)
        if hint is not None:
            self._reported[pid] = hint
        guess = self._roles.get(pid, "other")
        if guess == "export-worker" and self.before_training:
            guess = "other"
        return self._reported.get(pid) or (guess, None)

    def _cmdline(self, pid: int) -> tuple[str, ...]:
        return parse_cmdline(read_text(f"{self._proc}/{pid}/cmdline"))

    def _cmdline_of_watched(self, pid: int) -> tuple[str, ...] | None:
        parent = self._watched.get(pid)
        return None if parent is None else parent.kin.cmdline

    def _started_s(self, stat: Stat) -> float:
        return stat.started_ticks / _TICKS_PER_S - self._zero_s

    def _owner(self, pid: int) -> int | None:
        try:
            return (self._proc / str(pid)).stat().st_uid
        except OSError:
            return None


def _needs_threads(role: Role, stat: Stat, watched: _Watched, slow: bool) -> bool:
    # A data worker that used no CPU since the last read may hang in another thread than its first.
    idle = stat.cpu_ticks == watched.stat.cpu_ticks
    if role in ("train-worker", "val-worker", "export-worker") and stat.threads <= _FEW_THREADS:
        return idle
    return slow and stat.threads <= _MANY_THREADS
