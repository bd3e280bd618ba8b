"""A new tape: a file that is surely ours, whoever else asks for the same name, and the database in it."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

from holter.errors import FolderNotWritable, TapeExists
from holter.sentences import NO_TRAINING_TOUCHED, define
from holter.tape import schema

# A full disk; and a quota or a file size limit that is reached, which SQLite calls like any other failed write.
NO_ROOM = ("database or disk is full", "disk I/O error")
# Two names of ours differ by host, time and PID: a second number is rare, this many mean that something else is wrong.
MOST_NUMBERS = 1000
# What SQLite keeps beside a tape while it is written; that of a tape which was deleted is of no use.
SIDE_FILES = ("-wal", "-shm", "-journal")

EXISTS = define("error.exists", "{path} exists already.")
NOT_TOUCHED = define("safe.not-touched", "It was not touched.")
OTHER_TAPE = define("next.other-tape", "Choose --tape, or add --force.")
CANNOT_WRITE = define("error.cannot-write-tape", "Cannot write a tape at {path}: {why}.")
WRITABLE_FOLDER = define("next.writable-folder", "Choose a writable local folder with --tape FILE.")


def new_file(path: Path, *, force: bool, numbered: bool = False) -> tuple[Path, int]:
    """Make an empty file that only we can read; returns its path and inode.

    ``force``: a file that is there is removed first. ``numbered``: where there is one, ``NAME-2`` is tried, and so on.

    Raises:  TapeExists, FolderNotWritable.
    """
    if force and path.is_file():  # a device, say, is never replaced
        _remove(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for number in range(1, MOST_NUMBERS if numbered else 2):
            mine = path if number == 1 else path.with_name(f"{path.stem}-{number}{path.suffix}")
            with contextlib.suppress(FileExistsError):
                return mine, _make(mine)
    except OSError as error:
        raise cannot_write(path, error.strerror or str(error)) from error
    raise taken(path)


def taken(path: Path) -> TapeExists:
    """The error for a name that there is already."""
    return TapeExists(EXISTS(path=str(path)), safe=NOT_TOUCHED(), next_step=OTHER_TAPE())


def remove_tape(path: Path) -> None:
    """Remove a tape and the files that SQLite keeps beside it.

    Raises:  OSError.
    """
    path.unlink(missing_ok=True)
    _clear_beside(path)


def _remove(path: Path) -> None:
    try:
        remove_tape(path)
    except OSError as error:
        raise cannot_write(path, error.strerror or str(error)) from error


def _make(path: Path) -> int:
    # Command lines and paths may name patients. O_EXCL: of several processes, also on several hosts over NFS, exactly
    # one makes the file.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        _clear_beside(path)
        os.fchmod(descriptor, 0o600)  # whatever the umask
        return os.fstat(descriptor).st_ino
    finally:
        os.close(descriptor)


def _clear_beside(path: Path) -> None:
    for end in SIDE_FILES:
        path.with_name(path.name + end).unlink(missing_ok=True)


def open_tape(path: Path) -> sqlite3.Connection:
    """The database of a new tape, with its tables.

    Raises:  sqlite3.Error.
    """
    # Autocommit off by hand: sqlite3 opens a transaction at the first INSERT and commit() ends it.
    connection = sqlite3.connect(path, timeout=2.0, check_same_thread=False)
    try:
        # WAL: readers never block the writer, and a kill at any byte leaves a readable file. On file systems
        # without shared memory (NFS) SQLite keeps the rollback journal, which is slower and as safe.
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA wal_autocheckpoint=500")
        connection.execute("PRAGMA temp_store=MEMORY")
        schema.create(connection)
        connection.commit()
    except BaseException:
        connection.close()
        raise
    return connection


def is_for_want_of_room(error: sqlite3.Error) -> bool:
    """Whether this may pass by itself."""
    return any(words in str(error) for words in NO_ROOM)


def cannot_write(path: Path, why: str) -> FolderNotWritable:
    """The error for a place that will not do."""
    return FolderNotWritable(
        CANNOT_WRITE(path=str(path), why=why),
        safe=NO_TRAINING_TOUCHED(),
        next_step=WRITABLE_FOLDER(),
    )
