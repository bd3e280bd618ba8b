"""Follow a text file that another process writes: whole lines, bounded memory, also if it is replaced or cut."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import NamedTuple

# One read takes at most this much, so a long history takes several reads: parsing a MiB takes 20 to 150 ms and delays
# the recorder. A log of 1000 epochs has half of it.
BYTES_PER_READ = 1024 * 1024
# A "line" without end (a progress bar, binary rubbish) is cut here.
MAX_LINE_BYTES = 64 * 1024


FileId = tuple[int, int]  # device and inode


class Mark(NamedTuple):
    """Identity and size of a file at one moment."""

    file: FileId
    size: int


def mark(path: Path) -> Mark | None:
    """Return the file's present identity and size; None if it is missing or not a regular file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return Mark((status.st_dev, status.st_ino), status.st_size) if stat.S_ISREG(status.st_mode) else None


class FileTail:
    """The lines of a file, each once. Opens the file for every read, so it keeps no deleted file on the disk."""

    def __init__(self, path: Path, *, bytes_per_read: int = BYTES_PER_READ, begin: Mark | None = None) -> None:
        """``begin``: the file and its length when the run began; earlier content is not read."""
        self.path = path
        self.caught_up = begin is not None  # the end was reached at least once; later lines are new
        self._bytes_per_read = bytes_per_read
        self._inode: tuple[int, int] | None = None if begin is None else begin.file
        self.read_bytes = 0 if begin is None else begin.size  # so far, with a last line without its end
        self._partial = b""
        self._overlong = False

    def read_lines(self) -> list[str]:
        """Return new complete lines; empty if there are none or the file cannot be opened now."""
        try:
            # Opening a pipe would block until it has a writer, and take data from its reader.
            if not stat.S_ISREG(self.path.stat().st_mode):
                return []
            with self.path.open("rb") as file:
                self._notice_replacement(os.fstat(file.fileno()))
                file.seek(self.read_bytes)
                chunk = file.read(self._bytes_per_read)
        except OSError:
            return []
        self.read_bytes += len(chunk)
        if len(chunk) < self._bytes_per_read:
            self.caught_up = True
        return self._split(chunk)

    def _notice_replacement(self, status: os.stat_result) -> None:
        # Another file of that name, or a file that became shorter: start at its beginning.
        inode = (status.st_dev, status.st_ino)
        if inode != self._inode or status.st_size < self.read_bytes:
            self._inode, self.read_bytes = inode, 0
            self._partial, self._overlong = b"", False

    def _split(self, chunk: bytes) -> list[str]:
        *complete, partial = (self._partial + chunk).split(b"\n")
        if complete and self._overlong:
            complete, self._overlong = complete[1:], False
        self._partial = partial
        if len(partial) > MAX_LINE_BYTES:
            self._partial, self._overlong = b"", True
            complete.append(partial)
        return [_text(line) for line in complete]


def _text(line: bytes) -> str:
    # A progress bar overwrites itself with carriage returns: only its last state counts.
    text = line[:MAX_LINE_BYTES].decode("utf-8", errors="replace").rstrip("\r")
    return text.rpartition("\r")[2]
