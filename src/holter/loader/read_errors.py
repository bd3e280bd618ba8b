"""Name the case and file of an error, and of a read that hangs."""

from __future__ import annotations

import ctypes
import errno
import pickle
import threading
import time
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from holter.errors import CodedText

# These errors concern this process or machine: every other file would fail the same way.
NOT_THE_FILE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
# Exceptions that numpy, pickle, zipfile and our own parsers raise for a damaged file.
DAMAGE = (
    ValueError,
    EOFError,
    KeyError,
    IndexError,
    TypeError,
    AttributeError,
    ImportError,
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    zlib.error,
    msgspec.DecodeError,
)


class Touch(NamedTuple):
    """The file that a thread is reading, its case, and since when (seconds of the monotonic clock)."""

    case: str | None
    file: Path
    since_s: float  # monotonic


class FileUnreadable(Exception):
    """One file cannot be read: missing, cut short, damaged, or on a disk with errors."""

    def __init__(self, file: Path, detail: str) -> None:
        super().__init__(f"{file}: {detail}")
        self.file = file
        self.detail = detail


class CaseTrouble(Exception):
    """A case cannot be read because of one of its files."""

    def __init__(self, case: str, file: Path, detail: str) -> None:
        super().__init__(f"{case}: {file}: {detail}")
        self.case = case
        self.file = file
        self.detail = detail


# A hung thread cannot report where it hangs, so each records its file before it reads; one entry per thread.
_touched: dict[int, Touch | reading_together] = {}
_cases: dict[int, str] = {}


class attributed_to:  # noqa: N801 -- used as a function; a generator would take three times as long, four times a sample
    """Context manager: errors inside the block become errors of this file.

    Raises:  FileUnreadable; an OSError that is not caused by the file (too many open files) passes through.
    """

    __slots__ = ("_before", "_file", "_me")

    def __init__(self, file: Path) -> None:
        """``file``: what the block reads."""
        self._file = file

    def __enter__(self) -> None:
        self._me = threading.get_ident()
        self._before = _touched.get(self._me)
        _touched[self._me] = Touch(_cases.get(self._me), self._file, time.monotonic())

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if self._before is None:
            _touched.pop(self._me, None)
        else:
            _touched[self._me] = self._before
        if isinstance(error, OSError):
            if error.errno not in NOT_THE_FILE:
                raise FileUnreadable(self._file, detail_of(error)) from error
        elif isinstance(error, DAMAGE):
            raise FileUnreadable(self._file, detail_of(error)) from error


class reading_together:  # noqa: N801 -- as above
    """Watches one native call that reads many files.

    The call writes into ``numbers`` when the current read began (ns, monotonic clock), and the index of its file.
    """

    __slots__ = ("_files", "_me", "numbers")

    def __init__(self, files: Sequence[tuple[str, Path]]) -> None:
        """``files``: case and file of each read."""
        self._files = files
        self.numbers = (ctypes.c_int64 * 2)(time.monotonic_ns(), 0)

    def __enter__(self) -> reading_together:
        self._me = threading.get_ident()
        _touched[self._me] = self
        return self

    def __exit__(self, *_: object) -> None:
        _touched.pop(self._me, None)

    def touch(self) -> Touch:
        """Return the file that the native call is reading now."""
        since_ns, number = self.numbers
        return Touch(*self._files[number], since_ns / 1e9)


def detail_of(error: BaseException) -> str:
    """Return the text of an error: for errors of the loader with their code, else as the system or library words it."""
    text = error.args[0] if error.args else None
    if isinstance(text, CodedText):
        return text
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return f"{type(error).__name__}: {error}"


class in_case:  # noqa: N801 -- as above
    """Context manager: errors of files inside the block become errors of this case.

    Raises:  CaseTrouble instead of FileUnreadable.
    """

    __slots__ = ("_case", "_me")

    def __init__(self, case: str) -> None:
        """``case``: what the block plans or reads."""
        self._case = case

    def __enter__(self) -> None:
        self._me = threading.get_ident()
        _cases[self._me] = self._case

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        _cases.pop(self._me, None)
        if isinstance(error, FileUnreadable):
            raise CaseTrouble(self._case, error.file, error.detail) from error


def touched_by(thread: threading.Thread) -> Touch | None:
    """Return what a thread is reading at this moment; None: nothing."""
    touch = None if thread.ident is None else _touched.get(thread.ident)
    return touch.touch() if isinstance(touch, reading_together) else touch
