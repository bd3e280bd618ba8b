"""Requests of the supervisor: one small file, looked at by the pulse thread once a second.

A request counts once: its number must be new and its generation that of this process, so one that was meant for a
training that has been restarted since does nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from typing import Any

from .remarks import Remark, remark
from .runtime import RUNTIME

FILE = "control.json"
# What can be asked for -> who does it. Called on the pulse thread: a handler returns at once.
HANDLERS: dict[str, Callable[[int, str], None]] = {}


class _Seen:
    """The last state of the file and the last request carried out."""

    stamp: tuple[int, int] | None = None
    number = 0


def on(what: str, handler: Callable[[int, str], None]) -> None:
    """Have ``handler(number, text)`` called when the supervisor asks for ``what``."""
    HANDLERS[what] = handler


def poll_requests() -> None:
    """Carry out a new request, if there is one."""
    path = os.path.join(RUNTIME.scratch, FILE)  # noqa: PTH118
    try:
        status = os.stat(path)  # noqa: PTH116
    except OSError:
        return
    stamp = (status.st_mtime_ns, status.st_ino)
    if stamp == _Seen.stamp:
        return
    _Seen.stamp = stamp
    with open(path, "rb") as file:  # noqa: PTH123
        for request in json.load(file):
            _carry_out(request)


def _carry_out(request: dict[str, Any]) -> None:
    number, what = int(request["number"]), str(request["what"])
    if number <= _Seen.number or int(request["generation"]) != RUNTIME.page.generation:
        return
    _Seen.number = number
    handler = HANDLERS.get(what)
    if handler is None:
        tell(what, "failed", remark("not-here"), number=number)
    else:
        handler(number, str(request.get("text", "")))


def tell(action: str, state: str, *said: Remark, number: int | None = None, pids: Iterable[int] = ()) -> None:
    """Tell how far an action is: begun, done or failed. ``pids``: processes that it ends, told before they end."""
    generation = RUNTIME.page.generation
    RUNTIME.emit(
        "action", action=action, state=state, say=list(said), number=number, pids=list(pids), generation=generation
    )
