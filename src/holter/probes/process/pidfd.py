"""Find out how a process ended, even if it is no child of this one and its parent has already reaped it.

A descriptor of the process is opened while it lives. Linux 6.15 and newer return the exit status through it afterwards.
On older kernels the descriptor still protects against a reused PID, and the status is unknown.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
from typing import NamedTuple

# include/uapi/linux/pidfd.h: _IOWR(0xFF, 11, struct pidfd_info) with the first published size, 64 bytes. Newer
# kernels accept the old size; the exit code is in its last word, which was unused before.
_GET_INFO = 0xC040FF0B
_INFO_BYTES = 64
_INFO_EXIT = 1 << 3
_EXIT_CODE_OFFSET = 60
SHELL = "/bin/sh"


class Ending(NamedTuple):
    """How a process ended; exactly one of the two fields is set."""

    exit_code: int | None
    exit_signal: int | None


def ending_of(status: int) -> Ending:
    """Decode a wait status: ``1792`` is exit code 7, ``9`` is SIGKILL, ``139`` SIGSEGV with a core file."""
    number = status & 0x7F
    return Ending(None, number) if number else Ending((status >> 8) & 0xFF, None)


class ExitWatch:
    """Holds one descriptor for each watched process."""

    def __init__(self) -> None:
        self._descriptors: dict[int, int] = {}

    def add(self, pid: int) -> None:
        """Start to watch. If the process cannot be opened, it is not watched and ``take_ending`` returns None."""
        if pid not in self._descriptors and hasattr(os, "pidfd_open"):
            with contextlib.suppress(OSError):
                self._descriptors[pid] = os.pidfd_open(pid)

    def take_ending(self, pid: int) -> Ending | None:
        """Return how the process ended, and stop watching it; None if the kernel does not report it."""
        descriptor = self._descriptors.pop(pid, None)
        if descriptor is None:
            return None
        try:
            return _ask(descriptor)
        finally:
            os.close(descriptor)

    def close(self) -> None:
        for descriptor in self._descriptors.values():
            os.close(descriptor)
        self._descriptors.clear()


def reports_exit_status() -> bool:
    """Try with a child of our own whether this kernel reports the exit status of a process that was already reaped."""
    watch = ExitWatch()
    try:
        pid = os.posix_spawn(SHELL, [SHELL, "-c", ":"], {})
    except OSError:
        return False
    watch.add(pid)  # works even if it has ended: it stays until it is reaped
    os.waitpid(pid, 0)
    return watch.take_ending(pid) is not None


def _ask(descriptor: int) -> Ending | None:
    page = bytearray(_INFO_BYTES)
    struct.pack_into("Q", page, 0, _INFO_EXIT)
    try:
        fcntl.ioctl(descriptor, _GET_INFO, page)
    except OSError:  # ENOTTY, EINVAL: an older kernel; ESRCH: no exit status kept
        return None
    if not struct.unpack_from("Q", page, 0)[0] & _INFO_EXIT:
        return None
    return ending_of(struct.unpack_from("i", page, _EXIT_CODE_OFFSET)[0])
