"""The blanks of sentences: ``{age:duration}`` and its like, shown in units as people say them."""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from typing import Any

# Below this a duration is told with one decimal: "0.4 s" says more than "0 s".
SHORT_S = 10.0
UNITS = ("kB", "MB", "GB", "TB", "PB")


class Filler(string.Formatter):
    """Fills one sentence. ``unit``: the wording of ``duration.s`` and its like in the language of the sentence."""

    def __init__(self, unit: Callable[..., str]) -> None:
        self._unit = unit

    def fill(self, template: str, values: Mapping[str, object]) -> str:
        """Return the sentence; a value that nobody gave shows as an ellipsis instead of an exception in a report."""
        return self.vformat(template, (), values)

    def get_value(self, key: int | str, args: Any, kwargs: Any) -> Any:  # noqa: ARG002 - the name is string.Formatter's
        """Return the value of a blank."""
        return kwargs.get(key, Missing())

    def format_field(self, value: Any, format_spec: str) -> str:
        """Return a value as the blank asks for it."""
        if isinstance(value, Missing):
            return "…"
        if format_spec == "duration":
            return duration(float(value), self._unit)
        if format_spec == "bytes":
            return byte_size(float(value))
        if format_spec == "percent":
            return f"{100 * float(value):.0f}"
        return str(super().format_field(value, format_spec))


class Missing:
    """Stands for a value that nobody gave."""


def duration(seconds: float, unit: Callable[..., str]) -> str:
    """Return a length of time as people say it: "0.4 s", "41 s", "3 min 20 s", "2 h 5 min"."""
    if seconds < SHORT_S and round(seconds, 1) != round(seconds):
        return unit("duration.s", s=f"{seconds:.1f}")
    whole = round(seconds)
    if whole < 60:
        return unit("duration.s", s=whole)
    if whole < 3600:
        return unit("duration.min", min=whole // 60, s=whole % 60)
    return unit("duration.h", h=whole // 3600, min=whole % 3600 // 60)


def byte_size(size: float) -> str:
    """Return a size in decimal units, as disks and memory are sold: "25.8 GB"."""
    for name in ("B", *UNITS):
        if size < 1000 or name == UNITS[-1]:
            return f"{size:.0f} {name}" if name == "B" else f"{size:.3g} {name}"
        size /= 1000
    return ""
