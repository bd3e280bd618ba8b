"""Requests of the supervisor: one small file that the pulse thread polls once a second.

A request is carried out only if its number is new and its generation is that of this process. A request for a
training that has been restarted since then does nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from typing import Any

from .remarks import Remark, remark
from .runtime import RUNTIME

FILE = "control.json"
# Request -> function that handles it. It runs on the pulse thread and must return at once.
HANDLERS: dict[str, Callable[[int, str], None]] = {}


class _Seen:
    """The last state of the file and the number of the last request that was carried out."""

    stamp: tuple[int, int] | None = None
    number = 0


def on(what: str, handler: Callable[[int, str], None]) -> None:
    """Call ``handler(number, text)`` when the supervisor requests ``what``."""
    HANDLERS[what] = handler


def poll_requests() -> None:
    """Carry out the new requests in the control file, if it has changed."""
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


def tell(action: str, state: str, *remarks: Remark, number: int | None = None, pids: Iterable[int] = ()) -> None:
    """Report to the supervisor that an action has begun, is done or has failed (``state``).

    ``remarks``: the reasons. ``number``: the request that it answers; None: none. ``pids``: processes that it will end.
    """
    generation = RUNTIME.page.generation
    RUNTIME.emit(
        "action", action=action, state=state, say=list(remarks), number=number, pids=list(pids), generation=generation
    )
