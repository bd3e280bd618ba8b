"""Create a new tape: a file that only this process owns, even if others ask for the same name, and its database."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import struct
import sys
from pathlib import Path

from holter.errors import FolderNotWritable, TapeExists
from holter.patterns import later
from holter.records import Text
from holter.sentences import NO_TRAINING_TOUCHED, define
from holter.tape import schema

# A full disk; or a quota or file size limit, which SQLite reports like any other failed write.
DISK_FULL_ERRORS = ("database or disk is full", "disk I/O error")
# Our default names differ by host, time and PID: a second number is rare, so this many means another error.
MOST_NUMBERS = 1000
# SQLite's files beside a tape while it is written; those of a deleted tape are useless.
SIDE_FILES = ("-wal", "-shm", "-journal")
SHARED_MEMORY = "-shm"
# struct flock of Linux with 64 bits (type, origin, start, length, PID), and the byte that each user of a log locks.
FLOCK, DEAD_MAN_SWITCH_AT = "hhqqi4x", 128
SUFFIX = ".holter"
# Header of SQLite's files (fileformat2.html).
SQLITE_MAGIC, APPLICATION_AT = b"SQLite format 3\x00", 68
WAL_AT, WAL_VERSION = 18, b"\x02"

EXISTS = define("error.exists", "{path} exists already.")
NO_TAPE = define("error.exists-no-tape", "{path} exists already and is no tape, so --force does not replace it.")
IN_USE = define(
    "error.exists-in-use",
    "{path} is in use[[ by process {pid}]], perhaps by a recording, so --force does not replace it.",
)
OTHER_FILE = define("next.other-tape-file", "Choose another file with --tape.")
NOT_TOUCHED = define("safe.not-touched", "It was not touched.")
OTHER_TAPE = define("next.other-tape", "Choose --tape, or add --force.")
CANNOT_WRITE = define("error.cannot-write-tape", "Cannot write a tape at {path}: {why}.")
WRITABLE_FOLDER = define("next.writable-folder", "Choose a writable local folder with --tape FILE.")


def new_file(path: Path, *, force: bool, numbered: bool = False) -> tuple[Path, int]:
    """Create an empty file, readable only by us; return its path and inode.

    ``force``: remove an existing tape first, but no other kind of file.
    ``numbered``: if the name exists, try ``NAME-2`` and so on.

    Raises:  TapeExists, FolderNotWritable.
    """
    if force and path.is_file():  # a device, for example, is never replaced
        _remove(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for number in range(1, MOST_NUMBERS if numbered else 2):
            file = path if number == 1 else path.with_name(f"{path.stem}-{number}{path.suffix}")
            with contextlib.suppress(FileExistsError):
                return file, _make(file)
    except OSError as error:
        raise cannot_write(path, error.strerror or str(error)) from error
    raise taken(path)


def taken(path: Path) -> TapeExists:
    """Return the error for a name that already exists."""
    return TapeExists(EXISTS(path=str(path)), safe=NOT_TOUCHED(), next_step=OTHER_TAPE())


def remove_tape(path: Path) -> None:
    """Remove a tape and SQLite's files beside it.

    Raises:  OSError.
    """
    path.unlink(missing_ok=True)
    _clear_beside(path)


def moved_to(inode: int) -> Path | None:
    """Return where a tape that this process has open is now; None if it was deleted."""
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            if link.stat().st_ino == inode and _is_begun(path := link.readlink()):
                return path
    return None


def leave_log_mode(path: Path) -> None:
    """Make a finished tape one that needs no files beside it, if it is not one already.

    Raises:  sqlite3.Error, as while somebody reads it.
    """
    if not _is_in_log_mode(path):
        return
    connection = sqlite3.connect(path, timeout=0.5)
    try:
        connection.execute("PRAGMA journal_mode=DELETE")
    finally:
        connection.close()


def _is_begun(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(SQLITE_MAGIC)) == SQLITE_MAGIC


def is_without_its_log(path: Path) -> bool:
    """Return whether a tape lacks what SQLite keeps beside it while it is written, as after a copy of the file alone.

    Readers create that file again, but leave it empty. A tape that is finished needs none.

    Source:  https://www.sqlite.org/fileformat2.html#file_format_version_numbers
    """
    beside = path.with_name(path.name + SIDE_FILES[0])
    try:
        return _is_in_log_mode(path) and not (beside.exists() and beside.stat().st_size)
    except OSError:
        return False


def _is_in_log_mode(path: Path) -> bool:
    # False if it cannot be read.
    with contextlib.suppress(OSError), path.open("rb") as file:
        return file.read(WAL_AT + 1)[WAL_AT:] == WAL_VERSION
    return False


def _may_be_tape(path: Path) -> bool:
    # An empty file is a tape for which there was no space. The header of a tape that was cut by a kill may lack the
    # number of our application, which is then in SQLite's file beside it.
    with path.open("rb") as file:
        head = file.read(APPLICATION_AT + 4)
    is_ours = head[APPLICATION_AT:] == schema.APPLICATION_ID.to_bytes(4, "big") or path.suffix == SUFFIX
    return not head or (head.startswith(SQLITE_MAGIC) and is_ours)


def _remove(path: Path) -> None:
    try:
        if not _may_be_tape(path):
            raise TapeExists(NO_TAPE(path=str(path)), safe=NOT_TOUCHED(), next_step=OTHER_FILE())
        user = _user_of(path)
        if user is not None:
            raise TapeExists(IN_USE(path=str(path), pid=user or None), safe=NOT_TOUCHED(), next_step=OTHER_FILE())
        remove_tape(path)
    except OSError as error:
        raise cannot_write(path, error.strerror or str(error)) from error


def _user_of(path: Path) -> int | None:
    # A process that has the database open in log mode; None if there is none, or nobody can be asked. 0: its PID is not
    # known here, as in another container that shares the folder.
    # Each of them holds this lock from its first access to its end (https://www.sqlite.org/walformat.html#walidxlocks).
    if sys.platform != "linux":  # no tapes are recorded elsewhere
        return None
    import fcntl

    try:
        with path.with_name(path.name + SHARED_MEMORY).open("rb") as file:
            asked = struct.pack(FLOCK, fcntl.F_WRLCK, os.SEEK_SET, DEAD_MAN_SWITCH_AT, 1, 0)
            kind, _, _, _, pid = struct.unpack(FLOCK, fcntl.fcntl(file, fcntl.F_GETLK, asked))
    except OSError:
        return None
    return None if kind == fcntl.F_UNLCK else max(0, int(pid))


def _make(path: Path) -> int:
    # Mode 0600: command lines and paths may contain patients' names. O_EXCL: of several processes, even on several
    # hosts over NFS, exactly one creates the file.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        _clear_beside(path)
        os.fchmod(descriptor, 0o600)  # independent of the umask
        return os.fstat(descriptor).st_ino
    finally:
        os.close(descriptor)


def _clear_beside(path: Path) -> None:
    for end in SIDE_FILES:
        path.with_name(path.name + end).unlink(missing_ok=True)


def open_tape(path: Path) -> sqlite3.Connection:
    """Open the database of a new tape and create its tables.

    Raises:  sqlite3.Error.
    """
    # Default isolation: sqlite3 opens a transaction at the first INSERT, and commit() ends it.
    connection = sqlite3.connect(path, timeout=2.0, check_same_thread=False)
    try:
        # WAL: readers never block the writer, and a kill at any byte leaves a readable file. On file systems without
        # shared memory (NFS) SQLite keeps the rollback journal, which is slower and equally safe.
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


def is_disk_full(error: sqlite3.Error) -> bool:
    """Whether the error may go away by itself: the disk is full or a quota is reached."""
    return any(words in str(error) for words in DISK_FULL_ERRORS)


def cannot_write(path: Path, why: Text) -> FolderNotWritable:
    """Return the error for a place where no tape can be written."""
    return FolderNotWritable(
        CANNOT_WRITE(path=str(path), why=why),
        safe=NO_TRAINING_TOUCHED(),
        next_step=WRITABLE_FOLDER(),
    )


# ABOUT-HOST-TIME-PID, as ``holter run`` names a tape.
GIVEN_NAME = later(r".+-\d{4}(?P<month>\d\d)(?P<day>\d\d)-(?P<hour>\d\d)(?P<minute>\d\d)\d\d-\d+")


def what_differs(stem: str) -> str:
    """Return the time in a tape's name that Holter gave, such as ``11-30 10:11``; another name as it is.

    A given name repeats data set, configuration, fold and host.
    """
    given = GIVEN_NAME.fullmatch(stem)
    return stem if given is None else "{month}-{day} {hour}:{minute}".format_map(given.groupdict())
