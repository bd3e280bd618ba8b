"""Write the entry of a run into the registry: in the first folder that can be used, and then always in that file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, Protocol

from holter.errors import HolterError
from holter.linux.disks import Disks
from holter.records import Text
from holter.supervisor.state_folder import make_private
from holter.tape.registry import Entry, new_file, write
from holter.tape.remote_writer import NO_ANSWER


class NotWritten(Exception):
    """An entry was not written, or not yet."""

    def __init__(self, why: Text) -> None:
        super().__init__(why)
        self.why = why


class NotYet(NotWritten):
    """Nobody knows whether an entry was written: there is no answer, or the process that writes it was killed."""


def reason(error: BaseException) -> Text:
    """Return why an entry or a tape was not written."""
    if isinstance(error, NotWritten):
        return error.why
    if isinstance(error, HolterError):
        return error.what
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__


class Answer(NamedTuple):
    """What became of an entry."""

    problem: Text | None  # why it was not written; None: it was
    file: Path | None


class EntryWriter(Protocol):
    """Writes the entry of one run."""

    def write(self, entry: Entry, *, is_last: bool = False) -> None:
        """Write or replace the entry. ``is_last``: no other follows.

        Raises:  any error; the entry may then be missing, or be an older one.
        """


class RegistryFile:
    """Writes the entry itself, as for disks that cannot hang.

    ``file``: the file of the entry; None: not written yet.
    """

    def __init__(self, folders: Iterable[Path], file: Path | None = None) -> None:
        """``folders``: state folders, best first; iterated once, at the first entry."""
        self._folders = folders
        self._kept: tuple[Path, ...] = ()
        self.file = file

    def write(self, entry: Entry, *, is_last: bool = False) -> None:  # noqa: ARG002 - there is nothing to close
        """Write or replace the entry.

        Raises:  OSError, HolterError, NotWritten.
        """
        if self.file is None:
            self.file = self._first(entry)
        else:
            write(self.file, entry)

    def _first(self, entry: Entry) -> Path:
        self._kept = self._kept or tuple(self._folders)
        failed: Exception | None = None
        for folder in self._kept:
            file = new_file(folder, entry.host, entry.pid)
            try:
                if not Disks().answers(folder):
                    raise NotWritten(NO_ANSWER())
                make_private(folder)
                write(file, entry)
            except (OSError, HolterError, NotWritten) as error:
                failed = failed or error
            else:
                return file
        raise failed or OSError("no state folder")
