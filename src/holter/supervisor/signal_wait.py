"""Wait for blocked signals with a timeout that is also safe when the process was stopped.

``signal.sigtimedwait`` is not: if the process is stopped (SIGSTOP, Ctrl-Z) for longer than the timeout, it returns an
uninitialised ``siginfo`` (CPython 3.10 to 3.13 at least; docs/upstream.md). With a timeout of 0 the kernel never
sleeps in it, so it is used only to take pending signals; the wait itself is a poll.
"""

from __future__ import annotations

import ctypes
import math
import os
import select
import signal
import time
from collections.abc import Iterable

# glibc and musl: 1024 bits.
SIGSET_BYTES = 128
# Without a descriptor to poll (no more descriptors, a sandbox), signals are checked this often.
POLL_EVERY_S = 0.05


class SignalWait:
    """Takes signals that the calling thread has blocked."""

    def __init__(self, numbers: Iterable[int]) -> None:
        """``numbers``: signals that are blocked, in every thread of this process."""
        self._numbers = frozenset(int(number) for number in numbers)
        self._descriptor = _signal_descriptor(self._numbers)

    def take(self) -> signal.struct_siginfo | None:
        """Return a pending signal, or None."""
        info = signal.sigtimedwait(self._numbers, 0)
        return info if info is not None and info.si_signo in self._numbers else None

    def take_until(self, until_mono_s: float) -> signal.struct_siginfo | None:
        """Wait for a signal until that time of the monotonic clock; return it, or None."""
        while True:
            info = self.take()
            left_s = until_mono_s - time.monotonic()
            if info is not None or left_s <= 0:
                return info
            self._doze(left_s)

    def close(self) -> None:
        """Close the file descriptor that signals arrive on."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _doze(self, at_most_s: float) -> None:
        if self._descriptor is None:
            time.sleep(min(at_most_s, POLL_EVERY_S))
            return
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        poll.poll(math.ceil(at_most_s * 1000))


def _signal_descriptor(numbers: frozenset[int]) -> int | None:
    # Readable while one of these signals is pending; None if there is no signalfd(2).
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        mask = ctypes.create_string_buffer(SIGSET_BYTES)
        libc.sigemptyset(mask)
        for number in numbers:
            libc.sigaddset(mask, number)
        descriptor = int(libc.signalfd(-1, mask, os.O_CLOEXEC | os.O_NONBLOCK))  # SFD_ flags are those of open
    except (OSError, AttributeError):
        return None
    return descriptor if descriptor >= 0 else None
