"""The error with which a child process of Holter ended, as a record: its parent reads no printed line."""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec

from holter.errors import HolterError
from holter.records import Text

# Environment variable with the path of the file for the record; the child passes it on to nobody.
ERROR_FILE = "HOLTER_ERROR_FILE"


class ChildError(msgspec.Struct, frozen=True):
    """What a Holter said before it ended with exit code 2."""

    what: Text
    id: str | None = None  # of the error; None: an error of the system, such as a full disk


def write_error(file: str, error: HolterError | OSError) -> None:
    """Write the record for the parent. A file that cannot be written is left out: the exit code still has to be set."""
    if isinstance(error, HolterError):
        record = ChildError(error.what if not isinstance(error.what, str) else str(error.what), error.id)
    else:
        record = ChildError(str(error.strerror or error))
    with contextlib.suppress(OSError):
        Path(file).write_bytes(msgspec.json.encode(record))


def take_error(file: Path) -> ChildError | None:
    """Return the record of a child that has ended, and remove its file; None if it left none."""
    try:
        content = file.read_bytes()
        file.unlink()
    except OSError:
        return None
    return read_error(content)


def read_error(content: bytes) -> ChildError | None:
    """Return the record that a child has written; None if it wrote none."""
    try:
        return msgspec.json.decode(content, type=ChildError) if content else None
    except msgspec.MsgspecError:
        return None
