"""What is to blame: the case and file of an error, and of a read that does not come back."""

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

# These tell of this process or machine: every other file would fail just so.
NOT_THE_FILE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
# What numpy, pickle, zipfile and our own parsers make of a damaged file.
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
    """What a thread is reading."""

    case: str | None
    file: Path
    since_s: float  # monotonic


class FileUnreadable(Exception):
    """One file cannot be read: gone, cut short, damaged, or its disk gives errors."""

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


# A hung thread cannot say where it hangs, so each notes it before; one entry a thread.
_touched: dict[int, Touch] = {}
_cases: dict[int, str] = {}


@contextmanager
def blaming(file: Path) -> Iterator[None]:
    """Whatever goes wrong inside is this file's fault.

    Raises:  FileUnreadable; an OSError that is not the file's (too many open files) passes through.
    """
    me = threading.get_ident()
    before = _touched.get(me)
    _touched[me] = Touch(_cases.get(me), file, time.monotonic())
    try:
        yield
    except OSError as error:
        if error.errno in NOT_THE_FILE:
            raise
        raise FileUnreadable(file, error.strerror or str(error)) from error
    except DAMAGE as error:
        raise FileUnreadable(file, f"{type(error).__name__}: {error}") from error
    finally:
        if before is None:
            _touched.pop(me, None)
        else:
            _touched[me] = before


@contextmanager
def in_case(case: str) -> Iterator[None]:
    """Files inside belong to this case.

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
    """What a thread is reading at this moment; None: nothing."""
    return None if thread.ident is None else _touched.get(thread.ident)
