"""What the server must know of a page. The child that renders it needs every cause for that: 9 MB of code."""

from __future__ import annotations

import msgspec

from holter.records import Text


class Rendered(msgspec.Struct, frozen=True, kw_only=True):
    """What the server must know of a page that a child rendered."""

    end_s: float = 0.0  # the page shows the tape up to here
    cost_s: float = 0.0  # processor time of the child
    tops: dict[str, float] = {}  # series -> the largest value that its chart can show
    pids: tuple[int, ...] = ()  # processes that have a lane
    error: str | None = None  # id of a HolterError, with its parts:
    what: Text = ""
    safe: Text = ""
    next_step: Text = ""


def series_name(key: str, index: int | None) -> str:
    """Return the name of a series in updates; that of a GPU contains its number."""
    return key if index is None else f"{key}:{index}"
