"""Thread dumps of py-spy, faulthandler and /proc -> ``ThreadStack``. Pure: text in, records out."""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from holter.records import Frame, ThreadStack

_FAULT_THREAD = re.compile(
    r"^(?P<current>Current thread|Thread) (?P<id>0x[0-9a-fA-F]+)(?: \[(?P<name>.*)\])? \(most recent call first\):"
)
_FAULT_FRAME = re.compile(r'^  File "(?P<file>.*)", line (?P<line>\d+|\?\?\?) in (?P<function>.*)$')

# Calls in which a waiting or working training thread may be; numbers of the kernel's tables.
_X86_64 = {
    0: "read", 1: "write", 3: "close", 5: "fstat", 7: "poll", 9: "mmap", 11: "munmap", 16: "ioctl",
    17: "pread64", 18: "pwrite64", 23: "select", 24: "sched_yield", 34: "pause", 35: "nanosleep", 42: "connect",
    43: "accept", 45: "recvfrom", 47: "recvmsg", 61: "wait4", 72: "fcntl", 73: "flock", 74: "fsync", 75: "fdatasync",
    128: "rt_sigtimedwait", 137: "statfs", 202: "futex", 220: "semtimedop", 230: "clock_nanosleep",
    232: "epoll_wait", 247: "waitid", 257: "openat", 262: "newfstatat", 270: "pselect6", 271: "ppoll",
    281: "epoll_pwait", 285: "fallocate", 288: "accept4", 332: "statx",
}  # fmt: skip
_AARCH64 = {
    22: "epoll_pwait", 25: "fcntl", 29: "ioctl", 32: "flock", 43: "statfs", 47: "fallocate", 56: "openat",
    57: "close", 63: "read", 64: "write", 67: "pread64", 68: "pwrite64", 72: "pselect6", 73: "ppoll",
    79: "newfstatat", 82: "fsync", 83: "fdatasync", 95: "waitid", 98: "futex", 101: "nanosleep",
    115: "clock_nanosleep", 124: "sched_yield", 137: "rt_sigtimedwait", 192: "semtimedop", 202: "accept",
    203: "connect", 207: "recvfrom", 212: "recvmsg", 222: "mmap", 260: "wait4", 291: "statx",
}  # fmt: skip
_SYSCALLS: Mapping[str, Mapping[int, str]] = {"x86_64": _X86_64, "aarch64": _AARCH64}


def syscall_name(text: str, machine: str | None = None) -> str | None:
    """Name of the call in ``/proc/PID/task/TID/syscall``; ``running`` on a CPU; its number if the name is unknown."""
    first = text.split(maxsplit=1)[0] if text.strip() else ""
    if first == "running":
        return "running"
    if not first.lstrip("-").isdigit() or int(first) < 0:  # -1: stopped outside any call
        return None
    return _SYSCALLS.get(machine or platform.machine(), {}).get(int(first), first)


def parse_py_spy(text: bytes | str) -> tuple[ThreadStack, ...]:
    """Return the threads of ``py-spy dump --json``. Raises ``ValueError`` for any other text."""
    threads: Any = msgspec.json.decode(text)
    if not isinstance(threads, list) or not all(isinstance(thread, dict) for thread in threads):
        raise ValueError("not a list of threads")
    return tuple(_py_spy_thread(thread) for thread in threads)


def _py_spy_thread(thread: Mapping[str, Any]) -> ThreadStack:
    return ThreadStack(
        name=thread.get("thread_name"),
        # The kernel's number, as in /proc; the interpreter's own one is a pointer.
        thread_id=thread.get("os_thread_id") or thread.get("thread_id"),
        active=thread.get("active"),
        owns_gil=thread.get("owns_gil"),
        frames=tuple(
            Frame(
                function=str(frame.get("name") or ""),
                file=str(frame.get("filename") or ""),
                line=frame.get("line") or None,
            )
            for frame in thread.get("frames") or ()
        ),
    )


def parse_faulthandler(text: str) -> tuple[ThreadStack, ...]:
    """Return the threads of a ``faulthandler`` dump (Python 3.8 to 3.14); of several dumps the last one.

    The "Current thread" (it crashed, or handled the signal) is active.
    """
    threads: list[ThreadStack] = []
    frames: list[Frame] = []
    head: re.Match[str] | None = None
    seen: set[str] = set()
    for line in [*text.splitlines(), ""]:
        start = _FAULT_THREAD.match(line)
        if (start or not line.strip()) and head is not None:
            threads.append(_fault_thread(head, frames))
            head, frames = None, []
        if start:
            if start["id"] in seen:  # the same thread again: a later dump begins
                threads, seen = [], set()
            seen.add(start["id"])
            head = start
        elif frame := _FAULT_FRAME.match(line):
            number = frame["line"]
            frames.append(
                Frame(
                    function=frame["function"],
                    file=frame["file"],
                    line=int(number) if number.isdigit() else None,
                )
            )
    return tuple(threads)


def _fault_thread(head: re.Match[str], frames: list[Frame]) -> ThreadStack:
    # Only the main thread's stack ends in the module that was started.
    is_main = bool(frames) and frames[-1].function == "<module>"
    name = "MainThread" if is_main else head["name"]
    active = head["current"].startswith("Current") or None
    return ThreadStack(name=name, thread_id=int(head["id"], 16), active=active, frames=tuple(frames))
