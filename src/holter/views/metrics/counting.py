"""Counters that never fall, although each new process of a run counts from zero again."""

from __future__ import annotations

from collections.abc import Hashable


class Total:
    """The sum over all processes of a counter that each of them has."""

    def __init__(self) -> None:
        self._before = 0.0
        self._now = 0.0
        self._source: Hashable = None

    def see(self, source: Hashable, value: float) -> None:
        """Record the counter's value in the process that counts now; ``source`` identifies the process."""
        if source != self._source or value < self._now:
            self._before += self._now
            self._source = source
        self._now = value

    @property
    def value(self) -> float:
        """The sum of all processes so far."""
        return self._before + self._now
