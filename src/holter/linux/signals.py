"""The signals of Linux by number, for tapes that are read on another system: the numbers differ there."""

from __future__ import annotations

import enum
import signal
import threading

# Signals of Linux on x86 and ARM (signal(7)).
Signal = enum.IntEnum("Signal", {
    "SIGHUP": 1, "SIGINT": 2, "SIGQUIT": 3, "SIGILL": 4, "SIGTRAP": 5, "SIGABRT": 6, "SIGBUS": 7, "SIGFPE": 8,
    "SIGKILL": 9, "SIGUSR1": 10, "SIGSEGV": 11, "SIGUSR2": 12, "SIGPIPE": 13, "SIGALRM": 14, "SIGTERM": 15,
    "SIGSTKFLT": 16, "SIGCHLD": 17, "SIGCONT": 18, "SIGSTOP": 19, "SIGTSTP": 20, "SIGTTIN": 21, "SIGTTOU": 22,
    "SIGURG": 23, "SIGXCPU": 24, "SIGXFSZ": 25, "SIGVTALRM": 26, "SIGPROF": 27, "SIGWINCH": 28, "SIGPOLL": 29,
    "SIGPWR": 30, "SIGSYS": 31, "SIGRTMIN": 34, "SIGRTMAX": 64,
})  # fmt: skip


def start_without_signals(thread: threading.Thread) -> None:
    """Start a thread in which all signals are blocked, so that the main thread receives them.

    SIGTTOU is blocked too: a terminal with "stty tostop" would otherwise stop the whole process group, the training
    included, because of one line that Holter prints.

    Raises:  RuntimeError if this user may have no more threads.
    """
    if not hasattr(signal, "pthread_sigmask"):  # not on Windows
        thread.start()
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        thread.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
