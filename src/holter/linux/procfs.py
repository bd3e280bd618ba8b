"""Small kernel files as text, numbers or None: a missing or forbidden file is never an exception."""

from __future__ import annotations

import os
import re
from pathlib import Path

# Longer than any file read here: the longest is /proc/stat of a machine with a thousand CPUs.
_READ_BYTES = 1 << 20
_CAUGHT = re.compile(r"^SigCgt:\s*([0-9a-fA-F]+)$", re.MULTILINE)


def read_text(path: Path | str) -> str | None:
    """Return the file's content; None if it is missing, not readable or its process is gone."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        return None
    try:
        parts = []
        while part := os.read(descriptor, _READ_BYTES):
            parts.append(part)
    except OSError:  # ESRCH: the process has ended; EOPNOTSUPP: pressure files are switched off
        return None
    finally:
        os.close(descriptor)
    return b"".join(parts).decode(errors="replace")


def read_int(path: Path | str) -> int | None:
    """Return the number in a file; None for ``max``, an empty file or anything that is not a number."""
    return to_int(read_text(path))


def to_int(text: str | None) -> int | None:
    """Return a whole number; None if the text is not one."""
    try:
        return int(text) if text is not None else None
    except ValueError:
        return None


def list_numbers(folder: Path | str) -> list[int] | None:
    """Return the numeric names in a folder: processes, threads, descriptors. None if it cannot be listed."""
    try:
        with os.scandir(folder) as entries:
            return [int(entry.name) for entry in entries if entry.name.isdigit()]
    except OSError:
        return None


def parse_counters(text: str | None) -> dict[str, int]:
    """Return the numbers of a file of ``name value`` lines, without colons and units.

    ``oom_kill 3`` gives ``{"oom_kill": 3}``; ``MemTotal:  24684084 kB`` gives ``{"MemTotal": 24684084}``.
    """
    counters = {}
    for line in (text or "").splitlines():
        words = line.split()
        value = to_int(words[1]) if len(words) > 1 else None
        if value is not None:
            counters[words[0].rstrip(":")] = value
    return counters


def is_ending(stat: str | None, status: str | None) -> bool:
    """Return whether a process ends, or will when the kernel can end it: from ``/proc/PID/stat`` and ``status``.

    One that was killed while it waits for a disk stays as long as the disk does not answer. False if unreadable.
    """
    fields = (stat or "").rpartition(")")[2].split()
    if len(fields) > _FLAGS_AT and int(fields[_FLAGS_AT]) & _EXITING:
        return True
    pending = re.search(r"^SigPnd:\s*([0-9a-f]+)", status or "", re.MULTILINE)
    return pending is not None and bool(int(pending[1], 16) >> (_SIGKILL - 1) & 1)


# Flags of a process (PF_EXITING, include/linux/sched.h), by their place behind its name.
_FLAGS_AT, _EXITING, _SIGKILL = 6, 0x4, 9


def catches(status: str | None, number: int) -> bool:
    """Return whether a process has a handler for a signal, from ``/proc/PID/status``; False if unknown."""
    match = _CAUGHT.search(status or "")
    return match is not None and bool(int(match[1], 16) >> (number - 1) & 1)


def parse_cpu_list(text: str | None) -> int | None:
    """Return how many CPUs a list like ``0-3,8`` names; None for an empty list."""
    count = 0
    for part in (text or "").strip().split(","):
        first, _, last = part.partition("-")
        begin, end = to_int(first), to_int(last or first)
        if begin is None or end is None:
            return None
        count += end - begin + 1
    return count or None
