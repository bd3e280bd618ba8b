"""Name the case and file of an error, and of a read that hangs."""

from __future__ import annotations

import errno
import pickle
import threading
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
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
    """The file that a thread is reading."""

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
_touched: dict[int, Touch] = {}
_cases: dict[int, str] = {}


@contextmanager
def attributed_to(file: Path) -> Iterator[None]:
    """Attribute errors inside the block to this file.

    Raises:  FileUnreadable; an OSError that is not caused by the file (too many open files) passes through.
    """
    me = threading.get_ident()
    before = _touched.get(me)
    _touched[me] = Touch(_cases.get(me), file, time.monotonic())
    try:
        yield
    except OSError as error:
        if error.errno in NOT_THE_FILE:
            raise
        raise FileUnreadable(file, detail_of(error)) from error
    except DAMAGE as error:
        raise FileUnreadable(file, detail_of(error)) from error
    finally:
        if before is None:
            _touched.pop(me, None)
        else:
            _touched[me] = before


def detail_of(error: BaseException) -> str:
    """Return what an error says: our own text with its code, the system's words, or another program's error."""
    text = error.args[0] if error.args else None
    if isinstance(text, CodedText):
        return text
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return f"{type(error).__name__}: {error}"


@contextmanager
def in_case(case: str) -> Iterator[None]:
    """Attribute files inside the block to this case.

    Raises:  CaseTrouble instead of FileUnreadable.
    """
    me = threading.get_ident()
    _cases[me] = case
    try:
        yield
    except FileUnreadable as error:
        raise CaseTrouble(case, error.file, error.detail) from error
    finally:
        _cases.pop(me, None)


def touched_by(thread: threading.Thread) -> Touch | None:
    """Return what a thread is reading at this moment; None: nothing."""
    return None if thread.ident is None else _touched.get(thread.ident)
