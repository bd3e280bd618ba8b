"""The world -> Sample: one file a source. A probe only looks; it resets, empties and synchronises nothing.

A probe takes its root as an argument, so a recorded tree is a test. Its failure and its cost are recorded by the
caller (``ProbeRun``), which is why ``read`` may raise.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from holter.records import Event, Sample


class Reading(NamedTuple):
    """What one look brought: samples of a state and events since the last look."""

    samples: tuple[Sample, ...] = ()
    events: tuple[Event, ...] = ()


class Probe(Protocol):
    """What the recorder asks of a probe."""

    name: str
    interval_s: float

    def read(self, t_s: float) -> Reading:
        """Look once; ``t_s`` is the time of this tick on the recording's clock. May raise."""
        ...

    def close(self) -> None:
        """Give back what is held (children, descriptors)."""
        ...
