"""A folder seen through a file system that can be made slow.

``python -m holter.demo.slow_fs SOURCE MOUNT CONTROL``: everything passes through to SOURCE. While the file CONTROL
holds a number, each read of preprocessed image data (``.b2nd``) takes that many seconds longer; ``inf`` never
returns. The kernel drops its cached pages of a file at each ``open`` (FUSE's default without ``kernel_cache``), and
nnU-Net opens a case again for each sample, so cached data does not hide the delay. For readers it is real storage
behaviour: page faults of a memory map wait in the kernel, in state D.
"""

from __future__ import annotations

# ruff: noqa: ARG002, PTH104, PTH208 -- FUSE hands over more than is needed, and paths as text
import argparse
import os
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from mfusepy import FUSE, Operations

SLOW_SUFFIX = ".b2nd"
FS_NAME = "holter-slow-disk"
FS_SUBTYPE = "holter"  # mounted as type fuse.holter, so that it is not mistaken for a real disk
CONTROL_POLL_S = 0.1  # a wait ends this soon after CONTROL says so

_STAT_FIELDS = ("st_mode", "st_nlink", "st_uid", "st_gid", "st_size", "st_blocks", "st_blksize", "st_ino")
_STATVFS_FIELDS = (
    "f_bavail", "f_bfree", "f_blocks", "f_bsize", "f_favail", "f_ffree", "f_files", "f_flag", "f_frsize", "f_namemax",
)  # fmt: skip


def read_delay_s(control: Path) -> float:
    """Return the seconds in the control file; 0 if there is no file or no number in it (yet)."""
    try:
        return max(0.0, float(control.read_text()))
    except (OSError, ValueError):
        return 0.0


def _on_path(call: Callable[..., None]) -> Callable[..., None]:
    # A system call on one path, with the other arguments that it takes.
    def operation(self: SlowFolder, path: str, *arguments: int) -> None:
        call(self._real(path), *arguments)

    return operation


class SlowFolder(Operations):  # type: ignore[misc]  # mfusepy is not typed for us
    """Passes everything through; waits before image data is read."""

    use_ns = True
    unlink, rmdir = _on_path(os.unlink), _on_path(os.rmdir)
    mkdir, chmod = _on_path(os.mkdir), _on_path(os.chmod)

    def __init__(self, source: Path, control: Path) -> None:
        self._source = os.fspath(source)
        self._control = control

    def _real(self, path: str) -> str:
        return self._source + path

    def _wait(self, path: str) -> None:
        began_s = time.monotonic()
        if not path.endswith(SLOW_SUFFIX):
            return
        while (left_s := began_s + read_delay_s(self._control) - time.monotonic()) > 0:
            time.sleep(min(left_s, CONTROL_POLL_S))

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
        """Return the ``lstat`` fields, with times in nanoseconds."""
        status = os.lstat(self._real(path))
        result: dict[str, Any] = {name: getattr(status, name) for name in _STAT_FIELDS}
        return result | {f"st_{kind}time": getattr(status, f"st_{kind}time_ns") for kind in "amc"}

    def readdir(self, path: str, fh: int) -> Iterable[str]:
        return [".", "..", *os.listdir(self._real(path))]

    def statfs(self, path: str) -> dict[str, int]:
        """Return the space of the underlying file system."""
        status = os.statvfs(self._real(path))
        return {name: getattr(status, name) for name in _STATVFS_FIELDS}

    def open(self, path: str, flags: int) -> int:
        """Return a descriptor of the real file."""
        return os.open(self._real(path), flags)

    def create(self, path: str, mode: int, fi: Any = None) -> int:
        """Create a file; return its descriptor."""
        return os.open(self._real(path), os.O_RDWR | os.O_CREAT | os.O_TRUNC, mode)

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        """Return bytes of the real file, delayed for image data."""
        self._wait(path)
        return os.pread(fh, size, offset)

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        """Write as ``pwrite`` does; return the number of bytes."""
        return os.pwrite(fh, data, offset)

    def truncate(self, path: str, length: int, fh: int | None = None) -> None:
        os.truncate(self._real(path) if fh is None else fh, length)

    def fsync(self, path: str, datasync: int, fh: int) -> None:
        os.fsync(fh)

    def release(self, path: str, fh: int) -> None:
        """Close a descriptor after its last user."""
        os.close(fh)

    def rename(self, old: str, new: str) -> None:
        os.rename(self._real(old), self._real(new))

    def utimens(self, path: str, times: tuple[int, int] | None = None) -> None:
        """Set access and modification time, in nanoseconds since 1970; None: now."""
        if times is None:
            os.utime(self._real(path))
        else:
            os.utime(self._real(path), ns=times)


def main(arguments: list[str] | None = None) -> int:
    """Serve until it is unmounted."""
    parser = argparse.ArgumentParser(prog="python -m holter.demo.slow_fs", description="a folder that can be slow")
    parser.add_argument("source", type=Path)
    parser.add_argument("mount", type=Path)
    parser.add_argument("control", type=Path)
    options = parser.parse_args(arguments)
    folder = SlowFolder(options.source.absolute(), options.control.absolute())
    FUSE(folder, str(options.mount), foreground=True, fsname=FS_NAME, subtype=FS_SUBTYPE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
