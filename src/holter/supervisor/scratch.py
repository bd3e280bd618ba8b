"""The scratch folder of a run: heartbeat pages and stack files on a local disk, and the lock of its recorder."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import stat
import tempfile
from pathlib import Path

from holter.errors import AlreadyRecorded, FolderNotWritable

LOCK_NAME = "recorder.lock"


class Scratch:
    """A folder that belongs to one run, and the lock that says who records it."""

    def __init__(self, folder: Path, *, owned: bool) -> None:
        """Take the lock of ``folder``. ``owned``: the folder is removed when the run is over.

        Raises:  AlreadyRecorded if another recorder holds the lock, FolderNotWritable.
        """
        self.folder = folder
        self._owned = owned
        try:
            self._lock = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise FolderNotWritable(f"Cannot write in {folder}: {error.strerror}.") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise AlreadyRecorded(
                "Another Holter records this training already.",
                safe="The training and its recording go on.",
                next_step="holter diagnose on its tape works while it is being written.",
            ) from error

    @property
    def is_of_run(self) -> bool:
        """Whether processes of the training write here (heartbeat pages)."""
        return any(self.folder.glob("beat-*"))

    def close(self, *, keep: bool = False) -> None:
        """Release the lock and remove the folder, unless somebody may still write into it."""
        os.close(self._lock)
        if self._owned and not keep:
            shutil.rmtree(self.folder, ignore_errors=True)


def new_scratch() -> Scratch:
    """A fresh private folder on the local temporary disk.

    Raises:  FolderNotWritable.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix="holter-"))
    except OSError as error:
        raise FolderNotWritable(
            f"No writable temporary folder: {error}.",
            safe="No training was started or touched.",
            next_step="Set TMPDIR to a local folder with some free space.",
        ) from error
    return Scratch(folder, owned=True)


def scratch_of_process(pid: int) -> Scratch:
    """A lock for a training that was started without Holter: one recorder a process.

    Raises:  AlreadyRecorded, FolderNotWritable.
    """
    folder = Path(tempfile.gettempdir()) / f"holter-attach-{os.getuid()}-{_machine()}-{pid}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise FolderNotWritable(f"Cannot make {folder}: {error.strerror}.") from error
    if found.st_uid != os.getuid() or not stat.S_ISDIR(found.st_mode):
        raise FolderNotWritable(f"{folder} belongs to somebody else.", next_step="Set TMPDIR to a folder of your own.")
    return Scratch(folder, owned=True)


def _machine() -> str:
    """Which process a PID means here: hosts may share their TMPDIR, and containers count their own PIDs."""
    try:
        space = os.stat("/proc/self/ns/pid").st_ino  # noqa: PTH116
    except OSError:
        space = 0
    host = "".join(letter for letter in socket.gethostname().partition(".")[0] if letter.isalnum() or letter == "-")
    return f"{host}-{space}"
