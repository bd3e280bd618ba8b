"""Events of a run in order -> what was known of it at any time: phase, epoch, episodes, deaths. Pure."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable
from typing import TypeVar

from holter.records import (
    ActionTaken,
    Environment,
    Episode,
    EpochEnded,
    Event,
    Judged,
    PhaseChanged,
    ProcessEnded,
    StackDump,
)
from holter.tape import News

# An epoch's usual length is the middle of so many of the last ones.
USUAL_EPOCHS = 15


E = TypeVar("E", bound=Event)


def _time(event: Event) -> float:
    return event.t_s


class Story:
    """All events of a run that were read so far."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.phases: list[PhaseChanged] = []
        self.epochs: list[EpochEnded] = []
        self.ends: list[ProcessEnded] = []
        self.main_ends: list[ProcessEnded] = []
        self.judged: list[Judged] = []
        self.stacks: list[StackDump] = []
        self.episodes: tuple[Episode, ...] = ()
        self.environment: Environment | None = None
        self.first_s = self.last_s = 0.0
        self.finished = False
        self._ended_by_us: set[int] = set()
        self._orderly: set[int] = set()

    def add(self, news: News) -> None:
        """Add the events, stacks and episodes that a ``Follower`` has newly read from the tape."""
        for event in (*news.older, *news.events):
            self._add(event)
        self.stacks.extend(news.stacks)
        self.episodes = tuple(sorted(news.episodes, key=lambda episode: episode.start_s))
        self.environment = news.environment or self.environment
        self.first_s, self.last_s, self.finished = news.first_s, news.last_s, news.finished
        if self.events:
            self.last_s = max(self.last_s, self.events[-1].t_s)

    def _add(self, event: Event) -> None:
        _into(self.events, event)
        if isinstance(event, PhaseChanged):
            _into(self.phases, event)
        elif isinstance(event, EpochEnded):
            _into(self.epochs, event)
        elif isinstance(event, Judged):
            _into(self.judged, event)
        elif isinstance(event, ProcessEnded):
            _into(self.ends, event)
            if event.role == "main":
                _into(self.main_ends, event)
            if self._is_wanted(event):
                self._orderly.add(event.pid)
        elif isinstance(event, ActionTaken):
            self._ended_by_us.update(event.pids)
            self._orderly.update(event.pids)

    def phase_at(self, t_s: float) -> PhaseChanged | None:
        """Return the phase at a time; None before the first one, and after the end of the main process."""
        index = bisect_right(self.phases, t_s, key=_time)
        if not index:
            return None
        change = self.phases[index - 1]
        gone = any(change.t_s < end.t_s <= t_s for end in self.main_ends)
        return None if gone else change

    def epoch_at(self, t_s: float) -> int | None:
        """Return the epoch that is trained at a time, from phases and the log."""
        index = bisect_right(self.phases, t_s, key=_time)
        started = next((phase for phase in reversed(self.phases[:index]) if phase.epoch is not None), None)
        ended = self.ended_by(t_s)
        if started is None:
            return ended.epoch + 1 if ended else None
        if ended is not None and ended.t_s > started.t_s:
            return ended.epoch + 1
        return started.epoch

    def ended_by(self, t_s: float) -> EpochEnded | None:
        """Return the last epoch that had ended at a time."""
        index = bisect_right(self.epochs, t_s, key=_time)
        return self.epochs[index - 1] if index else None

    def usual_epoch_s(self, t_s: float) -> float | None:
        """Return the median duration of the last epochs before a moment, in seconds; None if there are none."""
        index = bisect_right(self.epochs, t_s, key=_time)
        recent = self.epochs[max(0, index - USUAL_EPOCHS) : index]
        lengths = sorted(epoch.duration_s for epoch in recent if epoch.duration_s is not None)
        return lengths[len(lengths) // 2] if lengths else None

    def open_at(self, t_s: float) -> tuple[Episode, ...]:
        """Return the episodes that were known and not over at a moment, the latest first.

        An episode is known from its alarm on, which comes later than its start.
        """
        known = [
            episode
            for episode in self.episodes
            if episode.alarm_s <= t_s and (episode.end_s is None or episode.end_s > t_s)
        ]
        return tuple(sorted(known, key=lambda episode: (episode.kind != "death", -episode.start_s)))

    def deaths(self) -> Iterable[ProcessEnded]:
        """Return the ends of processes that did not end as planned."""
        # Several witnesses tell of one end, and not all of them know that it was wanted.
        return (end for end in self.ends if end.pid not in self._orderly)

    def is_orderly(self, pid: int) -> bool:
        """Return whether the process with this PID ended as planned."""
        return pid in self._orderly

    def _is_wanted(self, end: ProcessEnded) -> bool:
        is_finish = end.role == "main" and end.exit_code == 0 and not end.early
        return end.expected or end.by_parent or is_finish or end.pid in self._ended_by_us


def _into(events: list[E], event: E) -> None:
    # A log or a hook may tell late.
    if not events or events[-1].t_s <= event.t_s:
        events.append(event)
    else:
        insort(events, event, key=_time)
