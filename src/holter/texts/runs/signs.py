"""Errors and endings in single printed lines, which leave no traceback."""

from __future__ import annotations

import re
from collections.abc import Iterator

from holter.patterns import later
from holter.records import Event, ExceptionSeen, LogLine, ProcessEnded
from holter.texts.exit_lines import ending_of
from holter.texts.secondary_errors import part_that_raised

# C++ reports an exception that was not caught, and its process aborts.
_UNCAUGHT = later(r"(?:terminate called .*'std::(?P<name>bad_alloc)'|what\(\): *(?P<message>.+))")
# In a data worker: torch's handler prints the first and the worker dies; no Python exception is raised. blosc2 prints
# the second on Windows if a file cannot be mapped (blosc2-stdio.c); data workers map the cases.
_OF_WORKER = later(
    r"(?P<BusError>.*Unexpected bus error encountered in worker)|(?P<OSError>Message for the error \d+:)", re.DOTALL
)


def events_of(line: LogLine) -> Iterator[Event]:
    """Yield the errors and endings that one line shows."""
    t_s, text = line.t_s, line.text
    if found := _OF_WORKER.match(text):
        error = found.lastgroup or ""
        yield ExceptionSeen(t_s=t_s, role="train-worker", error=error, message=text, traceback=text, source="log")
        return
    if part_that_raised(text) is not None:  # users often copy only this line, without a traceback
        yield ExceptionSeen(t_s=t_s, role="main", error="RuntimeError", message=text, echo=True, source="log")
        return
    if uncaught := _UNCAUGHT.match(text):
        error, message = uncaught["name"] or "RuntimeError", uncaught["message"] or text
        yield ExceptionSeen(t_s=t_s, role="main", error=error, message=message, traceback=text, source="log")
    ending = ending_of(text)
    if ending is not None:
        yield ProcessEnded(t_s=t_s, pid=0, role=ending.role, exit_signal=ending.exit_signal, source="log")
