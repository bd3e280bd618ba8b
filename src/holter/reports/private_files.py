"""Write files that only their owner can read: reports and tables hold names of people, hosts and cases."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from holter.errors import FolderNotWritable, TapeExists
from holter.sentences import NOTHING_OVERWRITTEN, define
from holter.tape.opening import EXISTS
from holter.tape.surrogates import plain_text

OTHER_NAME = define("next.other-name", "Choose another name, or add --force to overwrite.")
CANNOT_WRITE = define("error.cannot-write", "Cannot write {path}: {error}.")
OTHER_PLACE = define("next.other-place", "Name a place that you can write to.")

OWNER_ONLY = 0o600


def write_private(path: Path, content: str, *, force: bool = False) -> Path:
    """Write a text file that only its owner can read and return its path; a reader never sees half of it.

    Bytes of a file name that are no UTF-8 are written as in a shell: ``\\xff``.

    Raises:  TapeExists, FolderNotWritable.
    """
    if path.exists() and not force:
        raise TapeExists(EXISTS(path=str(path)), safe=NOTHING_OVERWRITTEN(), next_step=OTHER_NAME())
    half = path.with_name(f".{path.name}.{secrets.token_hex(4)}")  # a PID is not unique on a shared disk
    try:
        with open_private(half) as file:
            file.write(plain_text(content))
        half.replace(path)
    except OSError as error:
        with suppress(OSError):  # a read-only disk refuses that too
            half.unlink()
        what = CANNOT_WRITE(path=str(path), error=error.strerror or str(error))
        raise FolderNotWritable(what, next_step=OTHER_PLACE()) from error
    return path


def open_private(path: Path, newline: str | None = None) -> TextIO:
    """Open a text file for writing that only its owner can read, also if it was there before."""

    def opener(name: str, flags: int) -> int:
        descriptor = os.open(name, flags, OWNER_ONLY)
        if hasattr(os, "fchmod"):
            os.fchmod(descriptor, OWNER_ONLY)
        return descriptor

    return open(path, "w", encoding="utf-8", newline=newline, opener=opener)
