"""Output that cannot be written because its disk is full is dropped; the training goes on.

nnU-Net prints, and a print that fails raises: the training would end, or with exit code 120 after its last epoch. Its
own log file in the results folder has the same lines.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import Any, TextIO

FULL = (errno.ENOSPC, errno.EDQUOT)


class DroppingFile(io.FileIO):
    """A file whose writes succeed also while its disk is full, or a quota used up; those are lost."""

    def write(self, data: Any, /) -> int:
        """Write, or drop ``data``; return its bytes that need not be written again."""
        try:
            return super().write(data)
        except OSError as error:
            if error.errno not in FULL:
                raise
            return memoryview(data).nbytes


def survive_full_disk() -> None:
    """Let stdout and stderr of this process drop what a full disk does not take."""
    sys.stdout = _dropping(sys.stdout)
    sys.stderr = _dropping(sys.stderr)


def _dropping(stream: TextIO) -> TextIO:
    try:
        stream.flush()
        raw = DroppingFile(os.dup(stream.fileno()), "w")
    except (OSError, ValueError, AttributeError):  # none, closed, or not a file: nothing to do with a disk
        return stream
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=bool(getattr(stream, "line_buffering", False)),
        write_through=bool(getattr(stream, "write_through", False)),
    )
