"""Read one path for each line on standard input, and answer with a line of JSON. Run as a program of its own.

``python -S -E storage_child.py PATH``: any of these calls may hang forever on a dead mount, and then only this small
process hangs. It ends with its parent, imports only the standard library and never writes below PATH.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import sys
import time
from collections.abc import Container

_PR_SET_PDEATHSIG = 1
_READ_BYTES = 16384  # one patch row of a compressed case: large enough to reach the disk, too small to disturb it
_ALIGN = 4096
_FILES_MAX = 2000  # enough to sample; a folder with a million files is not fully listed
_DEPTH_MAX = 4
_LIST_AGAIN_S = 600.0
_TRIES = 5  # files may vanish or be empty
_CHECKPOINTS = ("checkpoint_latest.pth", "checkpoint_best.pth", "checkpoint_final.pth")


class PathReader:
    """Answers about one path; the list of files is kept between reads."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._files: list[str] = []
        self._listed_s = float("-inf")

    def answer(self) -> dict[str, object]:
        """Return free bytes and inodes below the path, and the seconds of one small read past the page cache.

        If a call fails, ``problem`` is the error, and what would have been read after it is missing.
        """
        facts: dict[str, object] = {}
        try:
            facts["real_path"] = os.path.realpath(self._path)
            folder = os.stat(self._path)  # noqa: PTH116 - pathlib costs a megabyte
            facts["identity"] = f"{folder.st_dev}:{folder.st_ino}"
            facts["missing"] = False
            space = os.statvfs(self._path)
            facts["free_bytes"] = space.f_bavail * space.f_frsize
            facts["total_bytes"] = space.f_blocks * space.f_frsize
            facts["free_inodes"] = space.f_favail if space.f_files else None  # btrfs counts none
            facts["read_only"] = bool(space.f_flag & os.ST_RDONLY)
            facts["checkpoint_bytes"] = self._checkpoint_bytes()
            facts["read_latency_s"] = self._read_latency_s()
        except OSError as error:
            if isinstance(error, (FileNotFoundError, NotADirectoryError)):
                facts["missing"] = True
            facts["problem"] = f"{type(error).__name__}: {error}"
        return facts

    def _checkpoint_bytes(self) -> int | None:
        # Size of the largest checkpoint in this very folder: the next one needs as much.
        sizes = []
        for name in _CHECKPOINTS:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):
                sizes.append(os.stat(f"{self._path}/{name}").st_size)  # noqa: PTH116 - pathlib costs a megabyte
        return max(sizes, default=None)

    def _read_latency_s(self) -> float | None:
        if time.monotonic() - self._listed_s >= _LIST_AGAIN_S:
            self._files = files_below(os.path.realpath(self._path), mount_points())
            self._listed_s = time.monotonic()
        for _ in range(_TRIES if self._files else 0):
            file = self._files[_below(len(self._files))]
            with contextlib.suppress(FileNotFoundError, PermissionError):
                latency_s = time_one_read(file)
                if latency_s is not None:
                    return latency_s
        return None


def time_one_read(file: str) -> float | None:
    """Seconds of one small read at a random place of a file, past the page cache; None if the file is too small."""
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        places = os.fstat(descriptor).st_size // _ALIGN
        if places == 0:
            return None
        offset = _below(places) * _ALIGN
        # Only this small piece is dropped from the cache, and nothing is read ahead.
        os.posix_fadvise(descriptor, offset, _READ_BYTES, os.POSIX_FADV_DONTNEED)
        os.posix_fadvise(descriptor, offset, _READ_BYTES, os.POSIX_FADV_RANDOM)
        began_s = time.perf_counter()
        os.pread(descriptor, _READ_BYTES, offset)
        return time.perf_counter() - began_s
    finally:
        os.close(descriptor)


def files_below(path: str, elsewhere: Container[str] = ()) -> list[str]:
    """Return files below a path, at most ``_FILES_MAX``; folders named in ``elsewhere`` are not entered.

    Those are the mount points of other file systems, which may hang.
    """
    files: list[str] = []
    row = [path]
    for _ in range(_DEPTH_MAX):
        folders: list[str] = []
        for folder in row:
            with (
                contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError),
                os.scandir(folder) as entries,
            ):
                for entry in entries:
                    if entry.is_file(follow_symlinks=False):
                        files.append(entry.path)
                    elif entry.path not in elsewhere and entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    if len(files) >= _FILES_MAX:
                        return files
        row = folders
    return files


def mount_points() -> set[str]:
    # pathlib would cost a megabyte of memory in each of these processes.
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:  # noqa: PTH123
        return {line.split(" ")[4].replace("\\040", " ") for line in lines}


def _below(count: int) -> int:
    # The random module would cost two megabytes.
    return int.from_bytes(os.urandom(6), "little") % count


def main() -> None:
    """Answer until standard input is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal is for the training
    # A read that hangs must not outlive the recorder, which may be killed without a chance to stop it.
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    reader = PathReader(sys.argv[1])
    while os.read(0, 1):
        os.write(1, json.dumps(reader.answer()).encode() + b"\n")


if __name__ == "__main__":
    main()
