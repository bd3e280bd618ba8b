"""Threads of a process as the kernel reports them: state, wait channel, system call, signal handlers."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from holter.linux.procfs import catches, read_text
from holter.linux.syscalls import syscall_name
from holter.records import ThreadStack

# States of a process that has ended.
DEAD_STATES = "ZXx"
MAIN_THREAD = "MainThread"  # as Python calls it
_NO_WAIT_CHANNEL = ("", "0")
_TRACED = re.compile(r"^TracerPid:\s*[1-9]", re.MULTILINE)


class KernelThreads:
    """Reads ``/proc/PID``; fields that may not be read are None."""

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._proc = proc

    def state(self, pid: int) -> str | None:
        """Return the letter of the process's state (R S D T t Z X I); None if there is no such process."""
        return _state(self._proc / str(pid))

    def catches(self, pid: int, number: int) -> bool:
        """Whether the process has a handler for this signal now. False if that cannot be read."""
        return catches(read_text(self._proc / str(pid) / "status"), number)

    def is_traced(self, pid: int) -> bool:
        """Return whether a debugger or tracer is attached to the process. False if that cannot be read."""
        return _TRACED.search(read_text(self._proc / str(pid) / "status") or "") is not None

    def threads(self, pid: int) -> tuple[ThreadStack, ...]:
        """Return all threads without frames; empty if the process is gone."""
        try:
            tasks = sorted(
                int(entry.name) for entry in (self._proc / str(pid) / "task").iterdir() if entry.name.isdigit()
            )
        except OSError:
            return ()
        return tuple(ThreadStack(name=self._name(pid, task), thread_id=task) for task in tasks)

    def complete(self, pid: int, thread: ThreadStack) -> ThreadStack:
        """Return the thread with the kernel's fields; unchanged if the kernel does not know its number.

        Before Python 3.11 nobody but the interpreter knows which thread has which number. Of the main thread it is that
        of the process.
        """
        folder = self._proc / str(pid) / "task" / str(thread.thread_id)
        state = _state(folder)
        if state is None and thread.name == MAIN_THREAD:
            thread = msgspec.structs.replace(thread, thread_id=pid)
            folder = folder.with_name(str(pid))
            state = _state(folder)
        if state is None:
            return thread
        channel = _read(folder / "wchan")
        return msgspec.structs.replace(
            thread,
            state=state,
            wait_channel=None if channel in _NO_WAIT_CHANNEL else channel,
            syscall=syscall_name(_read(folder / "syscall")),
        )

    def _name(self, pid: int, task: int) -> str | None:
        return _read(self._proc / str(pid) / "task" / str(task) / "comm")


def _state(folder: Path) -> str | None:
    # Third field of ``stat``; the second one, the name, may contain blanks and parentheses.
    text = _read(folder / "stat")
    rest = text.rpartition(")")[2].split() if text else []
    return rest[0] if rest else None


def _read(path: Path) -> str | None:
    text = read_text(path)
    return None if text is None else text.strip()
