"""What a process waits for: state, wait channel, system call, and the file and mount behind it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from holter.linux.mounts import Mount, mount_of, parse_mountinfo
from holter.linux.procfs import list_numbers, read_text
from holter.linux.syscalls import RUNNING, parse_syscall
from holter.probes.process.process_files import Stat, parse_stat

# Mounts change rarely, and the table of a cluster node has hundreds of lines.
_MOUNTS_LIVE_S = 60.0


class Wait(NamedTuple):
    """State of a process, and what one of its threads waits for: the first, or one that is blocked in the kernel."""

    state: str
    channel: str | None = None
    syscall: str | None = None
    file: str | None = None
    mount: str | None = None


class WaitReader:
    """Reads from ``/proc`` what a process waits for; the list of mounts is read again after a minute."""

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._proc = proc
        self._mounts: dict[int, tuple[float, tuple[Mount, ...]]] = {}

    def read(self, stat: Stat, t_s: float, *, all_threads: bool) -> Wait:
        """Return the state of a process and what its first thread waits for; fields that cannot be read are None.

        ``all_threads``: if the first thread sleeps, report a thread in state D (blocked in the kernel) instead, if any.
        """
        # The first thread of a killed process is a zombie at once, but the process lives on while another hangs in D.
        if stat.state in "XxI" or (stat.state == "Z" and stat.threads <= 1):
            return Wait(stat.state)
        if stat.state == "R":
            return Wait("R", syscall=RUNNING)
        thread, state = stat.pid, stat.state
        if state in "SZ" and all_threads and stat.threads > 1:
            stuck = self._thread_in_d(stat.pid)
            thread, state = (stuck, "D") if stuck is not None else (thread, state)
        folder = f"{self._proc}/{stat.pid}/task/{thread}"
        channel = read_text(f"{folder}/wchan")
        call, descriptor = parse_syscall(read_text(f"{folder}/syscall"), state)
        file, mount = self._behind(stat.pid, descriptor, t_s) if descriptor is not None else (None, None)
        return Wait(state, None if channel in ("", "0") else channel, call, file, mount)

    def forget(self, pid: int) -> None:
        self._mounts.pop(pid, None)

    def _thread_in_d(self, pid: int) -> int | None:
        folder = f"{self._proc}/{pid}/task"
        for thread in list_numbers(folder) or ():
            stat = parse_stat(read_text(f"{folder}/{thread}/stat"))
            if stat is not None and stat.state == "D":
                return stat.pid
        return None

    def _behind(self, pid: int, descriptor: int, t_s: float) -> tuple[str | None, str | None]:
        # File or pipe behind a descriptor, and ``type mount-point`` of a file. Never touches the file itself.
        try:
            file = str((self._proc / str(pid) / "fd" / str(descriptor)).readlink())
        except OSError:
            return None, None
        mount = mount_of(file, self._mounts_of(pid, t_s)) if file.startswith("/") else None
        return file, f"{mount.fs_type} {mount.mount_point}" if mount else None

    def _mounts_of(self, pid: int, t_s: float) -> tuple[Mount, ...]:
        read_s, mounts = self._mounts.get(pid, (float("-inf"), ()))
        if t_s - read_s >= _MOUNTS_LIVE_S:
            mounts = parse_mountinfo(read_text(f"{self._proc}/{pid}/mountinfo"))
            self._mounts[pid] = (t_s, mounts)
        return mounts
