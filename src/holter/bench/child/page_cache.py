"""Find out which part of a file is in memory, and ask the system to drop or read it. No root is needed."""

from __future__ import annotations

import ctypes
import mmap
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def drop(files: Iterable[Path]) -> None:
    """Ask the system to drop the files from memory. It keeps what another process has mapped."""
    for file in files:
        _advise(file, os.POSIX_FADV_DONTNEED)


def fetch(files: Iterable[Path]) -> None:
    """Ask the system to read the files into memory, without waiting for it."""
    for file in files:
        _advise(file, os.POSIX_FADV_WILLNEED)


def resident_share(files: Iterable[Path]) -> float | None:
    """Return the share of the files' pages that are in memory; None if the system does not say."""
    pages = found = 0
    for file in files:
        seen = _resident(file)
        if seen is None:
            return None
        pages, found = pages + seen[1], found + seen[0]
    return found / pages if pages else None


def _advise(file: Path, advice: int) -> None:
    with suppress(OSError), file.open("rb") as opened:
        os.posix_fadvise(opened.fileno(), 0, 0, advice)


def _resident(file: Path) -> tuple[int, int] | None:
    # Pages in memory, and all pages.
    try:
        size = file.stat().st_size
        if not size:
            return 0, 0
        # Writable for ctypes alone: a private mapping never reaches the file.
        with file.open("rb") as opened, mmap.mmap(opened.fileno(), size, mmap.MAP_PRIVATE) as mapped:
            number = -(-size // mmap.PAGESIZE)
            flags = (ctypes.c_ubyte * number)()
            start = ctypes.c_char.from_buffer(mapped)
            try:
                libc = ctypes.CDLL(None, use_errno=True)
                failed = libc.mincore(ctypes.c_void_p(ctypes.addressof(start)), ctypes.c_size_t(size), flags)
            finally:
                del start
            return None if failed else (sum(flag & 1 for flag in flags), number)
    except (OSError, ValueError, AttributeError):
        return None
