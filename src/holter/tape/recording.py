"""A tape in memory: the input of detectors, evidence and reports."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from holter.records import ContractSettled, Environment, Episode, Event, ProbeRun, StackDump, Text, Tick

E = TypeVar("E")


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """One recorded run, oldest first. Built from a file by ``tape.read`` or from the live window."""

    all_ticks: tuple[Tick, ...] = ()
    all_stacks: tuple[StackDump, ...] = ()
    all_episodes: tuple[Episode, ...] = ()
    all_probe_runs: tuple[ProbeRun, ...] = ()
    environment: Environment | None = None
    path: Path | None = None
    finished: bool = False
    damage: Text | None = None  # parts of the file that could not be read

    @property
    def duration_s(self) -> float:
        """Time of the last tick; 0 for an empty tape."""
        return self.all_ticks[-1].t_s if self.all_ticks else 0.0

    def ticks(self, start_s: float | None = None, end_s: float | None = None) -> Iterator[Tick]:
        """Ticks within [start_s, end_s], oldest first."""
        for tick in self.all_ticks:
            if start_s is not None and tick.t_s < start_s:
                continue
            if end_s is not None and tick.t_s > end_s:
                return
            yield tick

    def events(self, *kinds: type[E], start_s: float | None = None, end_s: float | None = None) -> tuple[E, ...]:
        """Events of the given types (all, if none is given) that happened within [start_s, end_s].

        An event can be older than the tick that contains it: a log or a hook may report it late.
        """
        return tuple(
            event  # type: ignore[misc]
            for tick in self.all_ticks
            for event in tick.events
            if (not kinds or isinstance(event, kinds)) and _within(event, start_s, end_s)
        )

    def contract(self, end_s: float | None = None) -> ContractSettled | None:
        """The last contract settled by ``end_s``: what could be observed and done; None if there is none."""
        return next(reversed(self.events(ContractSettled, end_s=end_s)), None)

    def stacks(self) -> tuple[StackDump, ...]:
        """All stack dumps."""
        return self.all_stacks

    def episodes(self) -> tuple[Episode, ...]:
        """Episodes as the supervisor recorded them."""
        return self.all_episodes

    def probe_runs(self) -> tuple[ProbeRun, ...]:
        """Failures and cost of the probes, one record per minute and probe; the cost is the mean of one read."""
        return self.all_probe_runs


def _within(event: Event, start_s: float | None, end_s: float | None) -> bool:
    return (start_s is None or event.t_s >= start_s) and (end_s is None or event.t_s <= end_s)
