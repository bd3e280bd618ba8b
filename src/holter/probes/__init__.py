"""Read the machine and the training into samples, one file per source.

Probes are read-only: they reset no counter, empty no cache and synchronise no stream. A probe takes its root folder as
an argument, so that tests can pass a recorded tree. ``read`` may raise: the caller records failure and cost of each
probe (``ProbeRun``).
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from holter.records import Event, Sample


class Reading(NamedTuple):
    """Result of one read: samples of a state, and events since the previous read."""

    samples: tuple[Sample, ...] = ()
    events: tuple[Event, ...] = ()


class Probe(Protocol):
    """Interface between the recorder and a probe."""

    name: str
    interval_s: float

    def read(self, t_s: float) -> Reading:
        """Read once; ``t_s`` is the time of this tick on the recording's clock. May raise."""
        ...

    def close(self) -> None:
        """Stop the child processes and close the files of the probe."""
        ...
