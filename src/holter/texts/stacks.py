"""Parse the thread dumps of py-spy and faulthandler. Pure: text in, records out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from holter.patterns import later
from holter.records import Frame, ThreadStack

_FAULT_THREAD = later(
    r"^(?P<current>Current thread|Thread) (?P<id>0x[0-9a-fA-F]+)(?: \[(?P<name>.*)\])? \(most recent call first\):"
)
_FAULT_FRAME = later(r'^  File "(?P<file>.*)", line (?P<line>\d+|\?\?\?) in (?P<function>.*)$')


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
                    line=int(number) if number.isdecimal() else None,
                )
            )
    return tuple(threads)


def _fault_thread(head: re.Match[str], frames: list[Frame]) -> ThreadStack:
    # Only the main thread's stack ends in the module that was started.
    is_main = bool(frames) and frames[-1].function == "<module>"
    name = "MainThread" if is_main else head["name"]
    active = head["current"].startswith("Current") or None
    return ThreadStack(name=name, thread_id=int(head["id"], 16), active=active, frames=tuple(frames))
