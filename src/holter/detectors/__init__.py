"""Tape -> Episode. A detector is a fold over ticks: no clock, no file; the same ticks give the same episodes.

The supervisor feeds the live ticks, ``detect`` feeds those of a tape: there is one code path and one answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from holter.detectors.creep import CreepDetector
from holter.detectors.death import DeathDetector
from holter.detectors.frozen import FrozenDetector
from holter.detectors.slow_down import SlowDownDetector
from holter.detectors.stall import StallDetector
from holter.detectors.starved import StarvedDetector
from holter.records import Episode, Tick


class Detector(Protocol):
    """What the fold asks of a detector."""

    name: str

    def see(self, tick: Tick) -> tuple[Episode, ...]:
        """Take in the next tick; give episodes that are new or have changed."""
        ...


DETECTORS: tuple[type[Detector], ...] = (
    StallDetector,
    FrozenDetector,
    DeathDetector,
    SlowDownDetector,
    StarvedDetector,
    CreepDetector,
)


class Watch:
    """All detectors at once, keeping the latest state of every episode."""

    def __init__(self) -> None:
        self._detectors = [detector() for detector in DETECTORS]
        self._episodes: dict[tuple[str, str, float], Episode] = {}

    def see(self, tick: Tick) -> tuple[Episode, ...]:
        """Take in the next tick; give episodes that are new or have changed."""
        changed = tuple(episode for detector in self._detectors for episode in detector.see(tick))
        for episode in changed:
            self._episodes[identity(episode)] = episode
        return changed

    @property
    def episodes(self) -> tuple[Episode, ...]:
        """Every episode so far, by time of alarm."""
        return tuple(sorted(self._episodes.values(), key=lambda episode: episode.alarm_s))


def identity(episode: Episode) -> tuple[str, str, float]:
    """What stays the same while an episode goes on."""
    return (episode.detector, episode.subject, episode.start_s)


def detect(ticks: Iterable[Tick]) -> tuple[Episode, ...]:
    """Every episode in a series of ticks."""
    watch = Watch()
    for tick in ticks:
        watch.see(tick)
    return watch.episodes
