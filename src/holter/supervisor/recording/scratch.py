"""The scratch folder of a run: heartbeat pages and stack files on a local disk, and the lock of its recorder.

A clean-up of /tmp may remove it: then it is created again under its name.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import stat
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from holter.errors import AlreadyRecorded, FolderNotWritable
from holter.linux.place import here
from holter.patterns import later
from holter.records import Notice
from holter.sentences import NO_TRAINING_TOUCHED, define
from holter.supervisor.folds.fold_lock import CANNOT_WRITE_IN
from holter.supervisor.state_folder import SOMEBODY_ELSES

LOCK_NAME = "recorder.lock"
NAME = later(r"holter-(look-)?[a-z0-9_]{8}|holter-attach-\d+-(?:.+-)?\d+")
# A Holter that searches for leftovers holds the lock for a moment.
LOCKED_WITHIN_S = 0.5

NO_TEMPORARY = define("error.no-temporary-folder", "No writable temporary folder: {error}.")
SET_TMPDIR = define("next.set-tmpdir", "Set TMPDIR to a local folder with some free space.")
CANNOT_MAKE = define("error.cannot-make", "Cannot make {folder}: {error}.")
OWN_TMPDIR = define("next.own-tmpdir", "Set TMPDIR to a folder of your own.")
REMOVED_AGAIN = define("error.folder-removed-again", "{folder} is removed again and again.")
OTHER_TMPDIR = define("next.other-tmpdir", "Set TMPDIR to another folder.")
RECORDED_ALREADY = define("error.recorded-already", "Another Holter records this training already.")
BOTH_GO_ON = define("safe.both-go-on", "The training and its recording go on.")
DIAGNOSE_ITS_TAPE = define("next.diagnose-its-tape", "holter diagnose on its tape works while it is being written.")
CREATED_AGAIN = define(
    "notice.scratch-gone",
    "Holter's own folder {folder} was removed and is created again. The training is not affected; what its processes "
    "reported in the last second may be lost",
)
CANNOT = define(
    "notice.scratch-lost",
    "Holter's own folder {folder} was removed and cannot be created again. The training is not affected, but new "
    "processes of it are not watched, and Holter can replace no workers and save no checkpoint",
)


class Scratch:
    """The folder of one run, and the lock of its recorder."""

    def __init__(self, folder: Path, *, owned: bool) -> None:
        """Take the lock of ``folder``. ``owned``: remove the folder at the end of the run.

        Raises:  AlreadyRecorded if another recorder holds the lock, FolderNotWritable.
        """
        self.folder = folder
        self._owned = owned
        self._lock = _locked(folder)
        _sign(self._lock)

    @property
    def is_of_run(self) -> bool:
        """Whether processes of the training write here (heartbeat pages)."""
        return any(self.folder.glob("beat-*"))

    def is_kept(self) -> bool:
        """Return whether the folder still exists, and no clean-up has removed it."""
        return os.fstat(self._lock).st_nlink > 0

    def recreate(self) -> bool:
        """Create the folder again under its name, which the training's processes know; return False if that fails."""
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            status = self.folder.lstat()
            if status.st_uid != os.getuid() or not stat.S_ISDIR(status.st_mode):
                return False
            lock = _locked(self.folder)
        except (OSError, FolderNotWritable, AlreadyRecorded):
            return False
        os.close(self._lock)
        self._lock = lock
        _sign(lock)
        return True

    def close(self, *, keep: bool = False) -> None:
        """Remove the folder, unless ``keep`` because a process may still write to it, and release the lock."""
        if self._owned and not keep:
            remove(self.folder)
        os.close(self._lock)


def _sign(lock: int) -> None:
    # Read by the search for leftovers. A full disk must not keep a training from starting.
    with suppress(OSError):
        os.ftruncate(lock, 0)
        os.pwrite(lock, json.dumps({"place": here(), "pid": os.getpid()}).encode(), 0)


def is_scratch(folder: Path) -> bool:
    """Return whether a folder that was named from outside was made by a Holter, so that it may be removed.

    HOLTER_SCRATCH may be a variable of the user's own, and name a folder with their files.
    """
    try:
        status, lock = folder.lstat(), (folder / LOCK_NAME).lstat()
    except OSError:
        return False
    is_private = stat.S_ISDIR(status.st_mode) and not status.st_mode & 0o077
    is_locked = stat.S_ISREG(lock.st_mode) and lock.st_uid == status.st_uid
    return NAME.fullmatch(folder.name) is not None and is_private and is_locked


def new_scratch(prefix: str = "holter-") -> Scratch:
    """Create a private folder on the local temporary disk.

    Raises:  FolderNotWritable.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix=prefix))
    except OSError as error:
        raise FolderNotWritable(
            NO_TEMPORARY(error=str(error)),
            safe=NO_TRAINING_TOUCHED(),
            next_step=SET_TMPDIR(),
        ) from error
    return Scratch(folder, owned=True)


def scratch_of_process(pid: int) -> Scratch:
    """Return the scratch folder for recording a process that was started without Holter.

    Its name contains the PID, so that only one recorder at a time can hold it.

    Raises:  AlreadyRecorded, FolderNotWritable.
    """
    folder = folder_of_process(pid)
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
    except OSError as error:
        raise FolderNotWritable(CANNOT_MAKE(folder=str(folder), error=error.strerror or str(error))) from error
    if status.st_uid != os.getuid() or not stat.S_ISDIR(status.st_mode):
        raise FolderNotWritable(SOMEBODY_ELSES(folder=str(folder)), next_step=OWN_TMPDIR())
    return Scratch(folder, owned=True)


def folder_of_process(pid: int) -> Path:
    """Return the scratch folder of a training that was started without Holter."""
    return Path(tempfile.gettempdir()) / f"holter-attach-{os.getuid()}-{_machine()}-{pid}"


def remove(folder: Path) -> None:
    """Remove a scratch folder with a held lock. The lock goes last, so that an interrupted removal can be completed."""
    with suppress(OSError):
        for entry in list(os.scandir(folder)):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            elif entry.name != LOCK_NAME:
                with suppress(OSError):
                    os.unlink(entry.path)  # noqa: PTH108 - an entry, not a path
    with suppress(OSError):
        (folder / LOCK_NAME).unlink()
        folder.rmdir()


def _locked(folder: Path) -> int:
    # The folder surely still exists: it may have been removed before the lock was taken.
    until_s = time.monotonic() + LOCKED_WITHIN_S
    while True:
        descriptor = _open(folder)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(descriptor).st_nlink:
                return descriptor
            if time.monotonic() > until_s:
                os.close(descriptor)
                raise FolderNotWritable(REMOVED_AGAIN(folder=str(folder)), next_step=OTHER_TMPDIR())
        except BlockingIOError as error:
            if time.monotonic() > until_s:
                os.close(descriptor)
                raise AlreadyRecorded(
                    RECORDED_ALREADY(),
                    safe=BOTH_GO_ON(),
                    next_step=DIAGNOSE_ITS_TAPE(),
                ) from error
            time.sleep(LOCKED_WITHIN_S / 10)
        except OSError:  # a file system without locks: two recorders are better than none
            return descriptor
        os.close(descriptor)


def _open(folder: Path) -> int:
    try:
        folder.mkdir(mode=0o700, exist_ok=True)  # the search for leftovers may have removed it
        return os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise FolderNotWritable(CANNOT_WRITE_IN(folder=str(folder), error=error.strerror or str(error))) from error


def _machine() -> str:
    # Hosts may share their TMPDIR, and containers have their own PIDs.
    try:
        space = os.stat("/proc/self/ns/pid").st_ino  # noqa: PTH116
    except OSError:
        space = 0
    host = "".join(letter for letter in socket.gethostname().partition(".")[0] if letter.isalnum() or letter == "-")
    return f"{host}-{space}"


class ScratchKeeper:
    """Checks the scratch folder at every tick."""

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch
        self.is_lost = False

    @property
    def folder(self) -> Path:
        """Path of the folder."""
        return self._scratch.folder

    def see(self, t_s: float) -> tuple[Notice, ...]:
        """Create the folder again if it is gone; return a notice in that case, and nothing if it was there."""
        if self._scratch.is_kept():
            return ()
        was_lost, self.is_lost = self.is_lost, not self._scratch.recreate()
        if self.is_lost and was_lost:
            return ()
        sentence = CANNOT if self.is_lost else CREATED_AGAIN
        return (Notice(t_s=t_s, what="scratch-gone", message=sentence(folder=str(self._scratch.folder))),)
