"""Stacks of one process."""

from __future__ import annotations

from typing import Literal

from holter.records.text import Record, Role, Text


class Frame(Record, frozen=True, kw_only=True):
    """One Python (or native) frame, innermost first in a ThreadStack."""

    function: str
    file: str = ""
    line: int | None = None


class ThreadStack(Record, frozen=True, kw_only=True):
    """One thread. If its process was read from /proc alone (rung "proc"): only state, wait channel and system call."""

    name: str | None = None
    thread_id: int | None = None
    active: bool | None = None
    owns_gil: bool | None = None
    state: str | None = None
    wait_channel: str | None = None
    syscall: str | None = None
    frames: tuple[Frame, ...] = ()


class StackDump(Record, frozen=True, kw_only=True):
    """All threads of one process, and how they were read."""

    t_s: float
    pid: int
    role: Role = "other"
    rung: Literal["py-spy", "faulthandler", "proc", "none"]
    came_s: float | None = None  # when the recorder received it; ``t_s`` is when it was requested
    threads: tuple[ThreadStack, ...] = ()
    refused: tuple[Text, ...] = ()  # "py-spy: permission denied": methods tried before
