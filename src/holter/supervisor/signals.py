"""Signals of a wrapper that is not to be noticed: what was sent to us alone is passed on, no more."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from types import TracebackType

from holter.supervisor.signal_wait import SignalWait

# Sent to us alone (kill, a scheduler) they are meant for the training.
FORWARDED = (
    signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCONT,
)  # fmt: skip
# si_code of a signal that the kernel sent: the terminal's Ctrl-C reached the whole foreground group, training included.
SI_KERNEL = 128
# A training that was asked to end has ended by then, or will not.
REMEMBERED_S = 60.0


class SignalRelay:
    """Blocks the signals that concern the training and hands them over between ticks."""

    def __init__(self) -> None:
        self._set = {*FORWARDED, signal.SIGCHLD}
        self._before: set[int] = set()
        self._ignored: set[int] = set()  # nohup: blocked, they come all the same, and mean nothing
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
                pass  # delivered to the training already, or of no meaning any more
            self._wait.close()
            self._wait = None
        signal.pthread_sigmask(signal.SIG_SETMASK, self._before)

    def restore_in_child(self) -> None:
        """Give a new process the signal mask that we found."""
        signal.pthread_sigmask(signal.SIG_SETMASK, self._before)

    @property
    def seen(self) -> set[int]:
        """Asked of the training by somebody, just now: its end is no fault then. One that it survived is forgotten."""
        return {number for number, at_s in self._seen.items() if time.monotonic() - at_s < REMEMBERED_S}

    def ended_by_one(self, returncode: int) -> bool:
        """Whether a process that ended like this was ended by a signal that somebody sent through us, however late."""
        return -returncode in self._seen or returncode - 128 in self._seen

    def wait(self, until_mono_s: float, pass_on: Callable[[int], None]) -> bool:
        """Wait until that time or a child's ending; True for the latter. Signals for the training are passed on.

        One that it cannot get (it runs as another user, by sudo) changes nothing.
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
    """Exit code to end with; where a signal ended the training, end by the same signal, as a shell expects."""
    if returncode >= 0:
        return returncode
    number = -returncode
    if number != signal.SIGKILL:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # one core file, the training's, is enough
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    return 128 + number
