"""Since when something has been as it is, by a clock that nobody sets."""

from __future__ import annotations

import time
from pathlib import Path


class Unchanged:
    """Since when something has been as it is."""

    def __init__(self) -> None:
        self._value: object = None
        self._since_s = time.monotonic()

    def for_s(self, value: object) -> float:
        """Take in what it is now; for how long it has been so."""
        if value != self._value:
            self._value, self._since_s = value, time.monotonic()
        return time.monotonic() - self._since_s


def mtime_s(path: Path) -> float | None:
    """When a file was written last, by its server's clock; None where that cannot be seen."""
    try:
        return path.stat().st_mtime
    except OSError:
        return None
