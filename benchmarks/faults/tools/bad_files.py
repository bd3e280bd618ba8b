"""The file system behind a bad folder: it passes everything through; on demand it fails, writes slowly, or hangs.

``python -m benchmarks.faults.tools.bad_files SOURCE MOUNT CONTROL KIND``, errors, slow-reads, slow-writes or hangs: the
fault is on while the file CONTROL contains a number above 0; of slow-reads it is the seconds of each read.
"""

from __future__ import annotations

import errno
import functools
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mfusepy import FUSE

from holter.demo.slow_fs import CONTROL_POLL_S, FS_NAME, FS_SUBTYPE, SLOW_SUFFIX, SlowFolder, read_delay_s

SLOW_WRITE_S = 2.0  # per line of the log


class FailingFolder(SlowFolder):
    """Reads of image data fail."""

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        """Read like ``pread``, or raise EIO."""
        if path.endswith(SLOW_SUFFIX) and read_delay_s(self._control) > 0:
            raise OSError(errno.EIO, "Input/output error")
        return super().read(path, size, offset, fh)


class SlowToWrite(SlowFolder):
    """Writes to the training log are slow."""

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        """Write like ``pwrite``, but late."""
        if path.endswith(".txt") and read_delay_s(self._control) > 0:
            time.sleep(SLOW_WRITE_S)
        return super().write(path, data, offset, fh)


class HangingFolder(SlowFolder):
    """No call returns: like a dead server with a client that waits for it."""

    def __init__(self, source: Path, control: Path) -> None:
        super().__init__(source, control)
        for name, member in vars(SlowFolder).items():
            if callable(member) and not name.startswith("_"):
                setattr(self, name, self._late(getattr(self, name)))

    def _late(self, call: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(call)
        def late(*arguments: Any) -> Any:
            while read_delay_s(self._control) > 0:
                time.sleep(CONTROL_POLL_S)
            return call(*arguments)

        return late


KINDS: dict[str, type[SlowFolder]] = {
    "errors": FailingFolder,
    "slow-reads": SlowFolder,
    "slow-writes": SlowToWrite,
    "hangs": HangingFolder,
}


def main(arguments: list[str]) -> int:
    """Serve until it is unmounted."""
    source, mounted, control, kind = arguments
    folder = KINDS[kind](Path(source).absolute(), Path(control).absolute())
    FUSE(folder, mounted, foreground=True, fsname=FS_NAME, subtype=FS_SUBTYPE)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
