"""Signals of a transparent wrapper: only those that were sent to Holter alone are passed on."""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import select
import signal
import time
from collections.abc import Callable, Iterable

# If sent to Holter alone (kill, a scheduler), they are meant for the training.
FORWARDED = (
    signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCONT,
)  # fmt: skip
# si_code of a signal from the kernel: the terminal's Ctrl-C has reached the whole foreground group, also the training.
SI_KERNEL = 128
# A training that was asked to end has ended within this time, or will not.
REMEMBERED_S = 60.0


class SignalRelay:
    """Blocks the signals for the training and passes them on between ticks."""

    def __init__(self) -> None:
        self._set = {*FORWARDED, signal.SIGCHLD}
        self._before: set[int] = set()
        self._ignored: set[int] = set()  # by nohup: blocking makes them pending anyway, but they must have no effect
        self._seen: dict[int, float] = {}
        self._wait: SignalWait | None = None

    def __enter__(self) -> SignalRelay:
        self._ignored = {number for number in FORWARDED if signal.getsignal(number) is signal.SIG_IGN}
        self._before = {int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, self._set)}
        self._wait = SignalWait(self._set)
        return self

    def __exit__(self, *_: object) -> None:
        if self._wait is not None:
            while self._wait.take() is not None:
                pass  # already passed on to the training, or no longer relevant
            self._wait.close()
            self._wait = None
        signal.pthread_sigmask(signal.SIG_SETMASK, self._before)

    def restore_in_child(self) -> None:
        """Restore the original signal mask in a new process."""
        signal.pthread_sigmask(signal.SIG_SETMASK, self._before)

    @property
    def seen(self) -> set[int]:
        """Signals that were sent to the training in the last REMEMBERED_S, each of which may be the reason of its end.

        The training has survived older ones.
        """
        return {number for number, at_s in self._seen.items() if time.monotonic() - at_s < REMEMBERED_S}

    def ended_by_one(self, returncode: int) -> bool:
        """Return whether this exit code is that of a signal which Holter has passed on at any time."""
        return -returncode in self._seen or returncode - 128 in self._seen

    def wait(self, until_mono_s: float, pass_on: Callable[[int], None]) -> bool:
        """Wait until that time of the monotonic clock, or until a child process ends; return True for the latter.

        ``pass_on`` is called with the number of each signal that was sent to Holter alone meanwhile. An OSError of it
        is ignored: the training may run as another user, by sudo.
        """
        if self._wait is None:
            raise ValueError("used outside of its with block")
        while True:
            info = self._wait.take_until(until_mono_s)
            if info is None:
                return False
            if info.si_signo == signal.SIGCHLD:
                return True
            if info.si_signo in self._ignored:
                continue
            self._seen[info.si_signo] = time.monotonic()
            if info.si_code != SI_KERNEL:
                with contextlib.suppress(OSError):
                    pass_on(info.si_signo)


def die_like(returncode: int) -> int:
    """Return the exit code for this process; if a signal ended the training, end this process by the same signal.

    A shell or scheduler then sees the same end as without Holter.
    """
    if returncode >= 0:
        return returncode
    number = -returncode
    if number != signal.SIGKILL:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # no second core file beside the training's
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    return 128 + number


# glibc and musl: 1024 bits.
SIGSET_BYTES = 128
# Without a descriptor to poll (no more descriptors, a sandbox), signals are checked this often.
POLL_EVERY_S = 0.05


class SignalWait:
    """Takes signals that the calling thread has blocked; its timeouts are also safe when the process was stopped.

    ``signal.sigtimedwait`` is not: if the process is stopped (SIGSTOP, Ctrl-Z) for longer than the timeout, it returns
    an uninitialised ``siginfo`` (CPython 3.10 to 3.13 at least; docs/upstream.md). With a timeout of 0 the kernel never
    sleeps in it, so it is used only to take pending signals; the wait itself is a poll.
    """

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
