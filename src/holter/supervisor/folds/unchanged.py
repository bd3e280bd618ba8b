"""Measure how long a value has not changed, with the monotonic clock."""

from __future__ import annotations

import time
from pathlib import Path


class Unchanged:
    """A value and the time of its last change. ``has_changed``: whether it ever was another one than at first."""

    def __init__(self) -> None:
        self._value: object = None
        self._since_s = time.monotonic()
        self._values = 0

    def for_s(self, value: object) -> float:
        """Record the current value; return for how many seconds it has not changed."""
        if value != self._value:
            self._value, self._since_s = value, time.monotonic()
            self._values += 1
        return time.monotonic() - self._since_s

    @property
    def has_changed(self) -> bool:
        """Whether the value was another one before."""
        return self._values > 1


def mtime_s(path: Path) -> float | None:
    """Return when a file was last written, by its server's clock; None if unreadable."""
    try:
        return path.stat().st_mtime
    except OSError:
        return None
