"""A new file of our own, for certain: made by the file server in one step, whoever else asks for the same name."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from holter.errors import TapeExists

# Two names of ours differ by host, time and PID: a second number is rare, this many mean that something else is wrong.
MOST_NUMBERS = 1000
# Files that SQLite keeps beside a tape while it is written; those of a tape that was deleted are of no use.
BESIDE = ("-wal", "-shm", "-journal")


def claim(path: Path, *, force: bool, numbered: bool) -> Path:
    """Make an empty file that only its owner may read, and return its path.

    ``force``: what is there is removed first. ``numbered``: where there is one, ``NAME-2`` is tried, and so on.

    Raises:  TapeExists, OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if force:
        path.unlink(missing_ok=True)
    for number in range(1, MOST_NUMBERS if numbered else 2):
        mine = path if number == 1 else path.with_name(f"{path.stem}-{number}{path.suffix}")
        # O_EXCL: of several processes, also on several hosts over NFS, exactly one makes the file.
        with contextlib.suppress(FileExistsError):
            os.close(os.open(mine, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            _clear_beside(mine)
            return mine
    raise taken(path)


def taken(path: Path) -> TapeExists:
    """The error for a name that there is already."""
    return TapeExists(f"{path} exists already.", safe="It was not touched.", next_step="Choose --tape, or add --force.")


def discard(path: Path) -> None:
    """Remove a file that was claimed and is of no use."""
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
        _clear_beside(path)


def _clear_beside(path: Path) -> None:
    for end in BESIDE:
        path.with_name(path.name + end).unlink(missing_ok=True)
