"""Mark episodes in a series of ticks, one file per detector.

Pure: no clock, no file; the same ticks give the same episodes. The supervisor passes live ticks, ``detect`` passes
those of a tape: one code path, one result.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import msgspec

from holter.detectors.creep import CreepDetector
from holter.detectors.death import DeathDetector
from holter.detectors.diverged import DivergedDetector
from holter.detectors.frozen import FrozenDetector
from holter.detectors.pauses import PausesDetector
from holter.detectors.plain import PlainKeeper
from holter.detectors.slow_down import SlowDownDetector
from holter.detectors.stall import StallDetector
from holter.detectors.starved import StarvedDetector
from holter.detectors.unsaved import UnsavedDetector
from holter.records import ActionTaken, Episode, ProcessEnded, Tick


class Detector(Protocol):
    """The interface of a detector."""

    name: str

    def see(self, tick: Tick) -> tuple[Episode, ...]:
        """Add the next tick; return episodes that are new or changed."""
        ...


# Most specific first: of one incident only the first detector keeps an episode (see ``Watch``).
DETECTORS: tuple[type[Detector], ...] = (
    FrozenDetector,
    DeathDetector,
    StallDetector,
    SlowDownDetector,
    StarvedDetector,
    PausesDetector,
    CreepDetector,
    UnsavedDetector,
    DivergedDetector,
)
# A stall stays in the medians of step times for this long after its end.
AFTERGLOW_S = 25.0
# A user who kills a stalled training ends its workers at the same moment; a later death is another incident.
SAME_END_S = 3.0
# These detectors may report the same incident, most specific first.
SAME_INCIDENT = ("frozen", "death", "stall", "slow-down", "starved", "pauses")
# These judge single seconds. A roll-up has the last state and the means of a minute: a worker that read a file at its
# end would be blocked for a minute. The recorder saw every second of it, and what it found is kept unchanged.
BY_SECONDS = ("frozen", "stall", "slow-down", "starved", "pauses")

# These compare steps with those before. What a program that is not nnU-Net does between two batches is its own affair.
BY_PACE = ("slow-down", "starved", "pauses")


class Watch:
    """All detectors together, with the latest state of every episode.

    A frozen worker stops the training, and a stopped training is slow. An incident that a more specific detector
    already reported is held back, and reported only if it outlasts that episode.
    """

    def __init__(self) -> None:
        self._detectors = [detector() for detector in DETECTORS]
        self._generation = 0
        self._plain = PlainKeeper()
        self._episodes: dict[tuple[str, str, float], Episode] = {}
        self._held: dict[tuple[str, str, float], Episode] = {}

    def see(self, tick: Tick) -> tuple[Episode, ...]:
        """Add the next tick; return episodes that are new or changed."""
        changed: list[Episode] = []
        for event in tick.events:
            if isinstance(event, ActionTaken) and event.action == "restart" and event.state == "begun":
                changed += self._reset(event)
        self._plain.see(tick)
        for detector in self._detectors:
            if tick.span_s and detector.name in BY_SECONDS:
                continue  # the next reading is one after a gap
            if self._plain.is_plain and detector.name in BY_PACE:
                continue
            for episode in detector.see(tick):
                changed += self._take(msgspec.structs.replace(episode, generation=self._generation), tick.t_s)
        changed += self._close_all(tick)
        for key, episode in list(self._held.items()):
            if not self._is_covered(episode, tick.t_s):
                del self._held[key]
                self._episodes[key] = episode
                changed.append(episode)
        return tuple(changed)

    # The end of the main process ends every open episode.
    def _close_all(self, tick: Tick) -> list[Episode]:
        ended = [event.t_s for event in tick.events if isinstance(event, ProcessEnded) and event.role == "main"]
        return self._close_at(min(ended)) if ended else []

    # What the detectors learned about the old process does not apply to the new one.
    def _reset(self, restart: ActionTaken) -> list[Episode]:
        self._detectors = [detector() for detector in DETECTORS]
        self._generation = restart.generation
        return self._close_at(restart.t_s)

    def _close_at(self, t_s: float) -> list[Episode]:
        self._held.clear()
        closed = []
        for key, episode in self._episodes.items():
            if episode.end_s is None:
                self._episodes[key] = msgspec.structs.replace(episode, end_s=max(t_s, episode.start_s))
                closed.append(self._episodes[key])
        return closed

    def _take(self, episode: Episode, t_s: float) -> list[Episode]:
        key = episode.identity
        if key in self._episodes:
            self._episodes[key] = episode
            return [episode]
        if episode.end_s is not None and self._held.pop(key, None) is not None:
            return []
        if self._is_covered(episode, t_s):
            self._held[key] = episode
            return []
        self._episodes[key] = episode
        return [episode]

    def _is_covered(self, episode: Episode, t_s: float) -> bool:
        if episode.detector not in SAME_INCIDENT:
            return False
        # A blocked worker is detected later than the stall it causes: then the stall episode is enough.
        first = ("stall",) if episode.detector == "frozen" else ()
        before = first + SAME_INCIDENT[: SAME_INCIDENT.index(episode.detector)]
        return any(
            other.detector in before
            and other.generation == episode.generation
            and (other.end_s is None or t_s - other.end_s < (SAME_END_S if episode.kind == "death" else AFTERGLOW_S))
            and not _is_another_death(episode, other)
            for other in self._episodes.values()
        )

    @property
    def episodes(self) -> tuple[Episode, ...]:
        """Every episode so far, by time of alarm."""
        return tuple(sorted(self._episodes.values(), key=lambda episode: episode.alarm_s))


# A worker that dies while another one is frozen is a separate incident.
def _is_another_death(episode: Episode, covering: Episode) -> bool:
    return episode.detector == "death" and not episode.is_about_main and episode.pid != covering.pid


def detect(ticks: Iterable[Tick]) -> tuple[Episode, ...]:
    """Return every episode in a series of ticks."""
    watch = Watch()
    for tick in ticks:
        watch.see(tick)
    return watch.episodes
