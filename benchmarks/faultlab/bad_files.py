"""The file system behind a bad folder: everything passes through, and on demand it fails, or is slow to write.

``python -m benchmarks.faultlab.bad_files SOURCE MOUNT CONTROL errors|slow-writes``: while the file CONTROL holds a
number above 0 it goes wrong.
"""

from __future__ import annotations

import errno
import sys
import time
from pathlib import Path

from mfusepy import FUSE

from holter.demo.slow_fs import FS_NAME, FS_SUBTYPE, SLOW_SUFFIX, SlowFolder, read_delay_s

SLOW_WRITE_S = 2.0  # a line of the log


class FailingFolder(SlowFolder):
    """Reads of image data fail."""

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        """As ``pread``, or EIO."""
        if path.endswith(SLOW_SUFFIX) and read_delay_s(self._control) > 0:
            raise OSError(errno.EIO, "Input/output error")
        return super().read(path, size, offset, fh)


class SlowToWrite(SlowFolder):
    """Lines of the training log take their time."""

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        """As ``pwrite``, late."""
        if path.endswith(".txt") and read_delay_s(self._control) > 0:
            time.sleep(SLOW_WRITE_S)
        return super().write(path, data, offset, fh)


KINDS: dict[str, type[SlowFolder]] = {"errors": FailingFolder, "slow-writes": SlowToWrite}


def main(arguments: list[str]) -> int:
    """Serve until it is unmounted."""
    source, mounted, control, kind = arguments
    folder = KINDS[kind](Path(source).absolute(), Path(control).absolute())
    FUSE(folder, mounted, foreground=True, fsname=FS_NAME, subtype=FS_SUBTYPE)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
