"""Tell where an exception comes from: the queue that a dead worker broke, or the program's own signal handler."""

from __future__ import annotations

import pickle
import signal
from typing import Any

from ..workers import children

# What a queue raises when its writer died: a broken connection, a torn message, a tensor whose memory is gone.
OF_A_BROKEN_QUEUE = (OSError, EOFError, pickle.UnpicklingError, RuntimeError, ValueError)
READERS = ("multiprocessing", "socket", "queue", "torch.multiprocessing", "torch.storage", "torch._utils")


def is_of_queue(error: BaseException) -> bool:
    """Return whether reading a result raised this; False if a signal handler raised it in the middle of the read."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None or not isinstance(error, OF_A_BROKEN_QUEUE):
        return False
    name = str(trace.tb_frame.f_globals.get("__name__", ""))
    return any(name == reader or name.startswith(reader + ".") for reader in READERS)


def is_of_handler(error: BaseException) -> bool:
    """Return whether one of the program's own signal handlers raised this exception."""
    handlers = (signal.getsignal(number) for number in signal.valid_signals())
    codes = {code for handler in handlers if callable(handler) and (code := _code(handler)) is not None}
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code in codes:
            return True
        trace = trace.tb_next
    return False


def _code(handler: Any) -> Any:
    handler = getattr(handler, "func", handler)  # a partial
    function = getattr(handler, "__func__", handler)
    return getattr(function, "__code__", None) or getattr(type(handler).__call__, "__code__", None)


def handled_here(dead: list[Any]) -> str | None:
    """Return the name of a signal that ended one of these workers and that the program handles itself, else None.

    A scheduler sends such a signal to every process of a job: the program is about to stop, and must not be held up.
    """
    for process in dead:
        code = children.peek_exit_code(process) or 0
        if code < 0 and callable(signal.getsignal(-code)):
            return signal_name(-code)
    return None


def signal_name(number: int) -> str:
    """Return ``SIGTERM`` for 15."""
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"


def torch_words(dead: list[Any]) -> str:
    """Return the message that PyTorch itself would give about the death of these workers."""
    for process in dead:
        code = children.peek_exit_code(process) or 0
        if code < 0:
            name = signal.strsignal(-code) or signal_name(-code)
            return f"DataLoader worker (pid {process.pid}) is killed by signal: {name}. "
    pids = ", ".join(str(process.pid) for process in dead)
    return f"DataLoader worker (pid(s) {pids}) exited unexpectedly"
