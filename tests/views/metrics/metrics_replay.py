"""Kept tapes, replayed as a recorder would write them: tick by tick, judgements and ends at their time."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import msgspec

from holter.records import Environment, Episode, Event, Judged, Tick
from holter.remedies.diagnose import diagnose_recording
from holter.reports.cause_words import best
from holter.tape import Recording, TapeWriter, read
from holter.views.metrics.run_numbers import RunNumbers

TAPES = Path(__file__).parents[2] / "tapes"
QUIET = sorted((TAPES / "quiet").glob("*.holter"))
FAULTS = sorted(file for file in TAPES.glob("*/*.holter") if file.parent.name != "quiet")
# A recorder names a cause some seconds after the alarm.
JUDGED_AFTER_S = 3.0
ZERO = "1970-01-01T00:00:00+00:00"


@cache
def judged(tape: Path) -> tuple[Recording, tuple[Judged, ...]]:
    """The recording, and its judgements as today's Holter makes them: kept tapes are older than these events."""
    recording = read(tape)
    events = []
    for diagnosis in diagnose_recording(recording, is_over=True):
        episode, verdict = diagnosis.episode, best(diagnosis)
        events.append(
            Judged(
                t_s=min(episode.alarm_s + JUDGED_AFTER_S, recording.duration_s),
                detector=episode.detector,
                subject=episode.subject_name,
                start_s=episode.start_s,
                cause=None if verdict is None else verdict.cause,
                verdict=None if verdict is None else verdict.verdict,
            )
        )
    return recording, tuple(events)


def known_at(episode: Episode, t_s: float) -> Episode | None:
    """The episode as it was known at that time."""
    if episode.alarm_s > t_s:
        return None
    return episode if episode.end_s is None or episode.end_s <= t_s else msgspec.structs.replace(episode, end_s=None)


class Replay:
    """Feeds one tape to the numbers of a run; its clock begins at Unix time 0."""

    def __init__(self, tape: Path) -> None:
        self.recording, self.judgements = judged(tape)
        self.numbers = RunNumbers()
        self.numbers.learn(
            msgspec.structs.replace(self.recording.environment or Environment(wall_start=ZERO), wall_start=ZERO)
        )
        self._ticks = list(self.recording.all_ticks)
        self._waiting: list[Event] = sorted(self.judgements, key=lambda event: event.t_s)

    @property
    def end_s(self) -> float:
        return self.recording.duration_s

    def hear_later(self, event: Event) -> None:
        """Add an event to the tape."""
        self._waiting = sorted((*self._waiting, event), key=lambda event: event.t_s)

    def until(self, t_s: float) -> RunNumbers:
        """Play on to that time."""
        while self._ticks and self._ticks[0].t_s <= t_s:
            tick = self._ticks.pop(0)
            self.numbers.see(tick)
            self.numbers.wall.see(tick.t_s, tick.t_s)
        while self._waiting and self._waiting[0].t_s <= t_s:
            self.numbers.hear(self._waiting.pop(0))
        for episode in self.recording.all_episodes:
            known = known_at(episode, t_s)
            if known is not None:
                self.numbers.mark(known)
        self.numbers.finished = self.recording.finished and not self._ticks
        return self.numbers


def write_slowly(tape: Path, copy: TapeWriter, start_wall: str, num_epochs: int = 12) -> Iterator[Tick]:
    """Write a copy of a tape; yield each tick before it is written, so that the caller can wait for its time."""
    recording, judgements = judged(tape)
    environment = recording.environment or Environment(wall_start=start_wall)
    copy.write_environment(msgspec.structs.replace(environment, wall_start=start_wall, num_epochs=num_epochs))
    waiting = list(judgements)
    for tick in recording.all_ticks:
        yield tick
        write_tick(copy, tick)
        for number, episode in enumerate(recording.all_episodes):
            known = known_at(episode, tick.t_s)
            if known is not None:
                copy.write_episode(number, known)
        due = [event for event in waiting if event.t_s <= tick.t_s]
        waiting = [event for event in waiting if event.t_s > tick.t_s]
        copy.write_events(due)
        copy.commit()


def write_tick(copy: TapeWriter, tick: Tick) -> None:
    samples = (tick.host, tick.cgroup, *tick.processes, *tick.gpus, *tick.storage, *tick.beats)
    copy.write_samples(tick.t_s, [sample for sample in samples if sample is not None])
    copy.write_events(tick.events)
    copy.commit()
