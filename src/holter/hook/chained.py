"""What the interpreter calls for uncaught exceptions and new signal handlers: chained, so that others' still run."""

from __future__ import annotations

import functools
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

# Called with an exception, its traceback, and the name of the side thread that it ended; None: the main thread.
Record = Callable[[BaseException, "TracebackType | None", "str | None"], None]


def goes_on_after_exceptions() -> bool:
    """Return whether an exception does not end this program, because somebody types at it.

    That is an interpreter without a script, ``python -i``, or ``code.interact()`` while it runs. IPython (``ipdb``)
    leaves its prompt behind in a script, which an exception ends as before.
    """
    if sys.flags.inspect or (hasattr(sys, "ps1") and not hasattr(sys.modules.get("__main__"), "__file__")):
        return True
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_globals.get("__name__") != "code":
        frame = frame.f_back
    return frame is not None


def chain_exception_hooks(record: Record) -> None:
    """Call ``record`` with each exception that ends the program or a thread, then the hooks that were there."""
    previous = sys.excepthook
    previous_thread = threading.excepthook

    def excepthook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not isinstance(error, SystemExit) and not goes_on_after_exceptions():
            record(error, trace, None)
        previous(kind, error, trace)

    def thread_excepthook(arguments: threading.ExceptHookArgs) -> None:
        error = arguments.exc_value
        if error is not None and not isinstance(error, SystemExit):
            record(error, arguments.exc_traceback, arguments.thread.name if arguments.thread is not None else None)
        previous_thread(arguments)

    sys.excepthook = excepthook
    threading.excepthook = thread_excepthook


def call_when_handled(number: signal.Signals, lost: Callable[[], None]) -> None:
    """Call ``lost`` when the program installs a handler for this signal, which would be called for each of ours."""
    original = signal.signal

    @functools.wraps(original)
    def install(wanted: Any, handler: Any) -> Any:
        before = original(wanted, handler)
        if wanted == number:
            lost()
        return before

    signal.signal = install  # type: ignore[assignment]
