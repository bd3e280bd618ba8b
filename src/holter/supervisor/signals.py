"""Signals of a transparent wrapper: only those that were sent to Holter alone are passed on."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from types import TracebackType

from holter.supervisor.signal_wait import SignalWait

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

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
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
