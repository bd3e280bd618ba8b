"""Follow a tape that is being written: what is new, and the readings of any interval.

A run of three days has 250,000 readings. A view needs all readings of some minutes, or a single reading for each
column of the screen; only those are read. A connection is opened for each call, so that a reader never holds back the
writer's log.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from holter.records import Environment, Episode, Event, Message, StackDump, Tick
from holter.tape import coding
from holter.tape.reader import (
    IN_ORDER,
    READINGS,
    ROLLUPS,
    connect,
    damage_of,
    environment_of,
    is_finished,
    left_behind,
    merged_rows,
    numbered,
    select,
    ticks_of,
    with_process,
)
from holter.tape.writer import KEY_EVERY_S

# Rows hold changes against a complete row that is at most this much older.
BACK_S = 1.25 * KEY_EVERY_S
# A first call reads at most so many events, the newest; the older ones follow with the next calls.
MOST_EVENTS = 20_000


class News(msgspec.Struct, frozen=True, kw_only=True):
    """What was added to a tape since the last call."""

    events: tuple[Event, ...] = ()
    older: tuple[Event, ...] = ()  # from before the first call: a tape with very many events is read in parts
    stacks: tuple[StackDump, ...] = ()
    episodes: tuple[Episode, ...] = ()  # all of them: an episode changes until it is over
    environment: Environment | None = None
    first_s: float = 0.0
    last_s: float = 0.0  # of the newest reading
    finished: bool = False
    damage: Message | str | None = None


class Follower:
    """Reads one tape again and again. Not for several threads at the same time.

    ``first_events``: how many events the first call reads at most, if fewer than ``MOST_EVENTS`` are enough for it.
    """

    def __init__(self, path: Path, first_events: int | None = None) -> None:
        self.path = path
        self._first_events = first_events
        self._event = self._stack = 0
        self._oldest: int | None = None  # the first event that was read, until all are read
        self._last_ms: int | None = None
        self._state: dict[str, coding.Entities] = {}

    @property
    def has_older(self) -> bool:
        """Whether events from before the first call are still to come."""
        return self._oldest is not None

    def news(self) -> News:
        """Return what was added to the tape since the last call; episodes and the description of the run always whole.

        Raises:  NotATape, TapeTooNew, TapeError.
        """
        connection = connect(self.path)
        damage: list[Message] = []
        try:
            older = self._older(connection, damage)
            if self._event == 0:
                self._begin(connection, damage)
            events = self._newer(connection, damage)
            stacks = list(numbered(connection, "stack", StackDump, damage, self._stack))
            if stacks:
                self._stack = stacks[-1][0]
            finished = is_finished(connection, damage)
            damage += left_behind(self.path, finished=finished)
            return News(
                events=events,
                older=older,
                stacks=tuple(dump for _, dump in stacks),
                episodes=tuple(
                    with_process(episode) for _, episode in numbered(connection, "episode", Episode, damage)
                ),
                environment=environment_of(connection, damage),
                first_s=_edge(connection, "min", damage),
                last_s=_edge(connection, "max", damage),
                finished=finished,
                damage=damage_of(damage),
            )
        finally:
            connection.close()

    def fresh(self, start_s: float) -> list[Tick]:
        """Return the readings since the last call, the first time from ``start_s`` on. Their events are in ``news``.

        Raises:  NotATape, TapeTooNew, TapeError.
        """
        connection = connect(self.path)
        try:
            after_ms = _ms(start_s - BACK_S) - 1 if self._last_ms is None else self._last_ms
            query = f"{READINGS} WHERE t_ms > {after_ms} {IN_ORDER}"
            ticks = list(ticks_of(merged_rows(connection, [], query, self._state), ()))
        finally:
            connection.close()
        if ticks:
            self._last_ms = _ms(ticks[-1].t_s)
        return [tick for tick in ticks if tick.t_s >= start_s]

    def ticks(self, start_s: float, end_s: float) -> list[Tick]:
        """Return every reading within [start_s, end_s), without events.

        Raises:  NotATape, TapeTooNew, TapeError.
        """
        return list(self.each(start_s, end_s))

    def each(self, start_s: float, end_s: float) -> Iterator[Tick]:
        """Yield what ``ticks`` returns, one by one.

        Raises:  NotATape, TapeTooNew, TapeError.
        """
        connection = connect(self.path)
        try:
            yield from _between(connection, start_s, end_s)
        finally:
            connection.close()

    def samples(self, spans: Iterable[tuple[float, float]]) -> list[Tick]:
        """Return one complete reading, or mean of a minute, of each span [start_s, end_s) that has one.

        Raises:  NotATape, TapeTooNew, TapeError.
        """
        connection = connect(self.path)
        try:
            found = [_one_of(connection, start_s, end_s) for start_s, end_s in spans]
        finally:
            connection.close()
        return [tick for tick in found if tick is not None]

    def _begin(self, connection: sqlite3.Connection, damage: list[Message]) -> None:
        for (newest,) in select(connection, "SELECT max(id) FROM event", damage):
            self._event = max(0, (newest or 0) - (self._first_events or MOST_EVENTS))
        self._oldest = self._event or None

    def _older(self, connection: sqlite3.Connection, damage: list[Message]) -> tuple[Event, ...]:
        if self._oldest is None:
            return ()
        newest, self._oldest = self._oldest, self._oldest - MOST_EVENTS if self._oldest > MOST_EVENTS else None
        older = numbered(connection, "event", Event, damage, self._oldest or 0, f"AND id <= {newest}")
        return tuple(event for _, event in older)

    def _newer(self, connection: sqlite3.Connection, damage: list[Message]) -> tuple[Event, ...]:
        found = list(numbered(connection, "event", Event, damage, self._event))
        if found:
            self._event = found[-1][0]
        return tuple(event for _, event in found)


def _edge(connection: sqlite3.Connection, which: str, damage: list[Message]) -> float:
    query = f"SELECT {which}(t_ms) FROM reading UNION ALL SELECT {which}(t_ms) FROM rollup"
    times = [t_ms for (t_ms,) in select(connection, query, damage) if t_ms is not None]
    return (min(times) if which == "min" else max(times)) / 1000 if times else 0.0


def _between(connection: sqlite3.Connection, start_s: float, end_s: float) -> Iterator[Tick]:
    where = f"WHERE t_ms >= {_ms(start_s - BACK_S)} AND t_ms < {_ms(end_s)}"
    query = f"{ROLLUPS} {where} UNION ALL {READINGS} {where} {IN_ORDER}"
    return (tick for tick in ticks_of(merged_rows(connection, [], query), ()) if tick.t_s + tick.span_s >= start_s)


def _one_of(connection: sqlite3.Connection, start_s: float, end_s: float) -> Tick | None:
    where = f"WHERE t_ms >= {_ms(start_s)} AND t_ms < {_ms(end_s)}"
    for (t_ms,) in select(connection, f"SELECT t_ms FROM rollup {where} LIMIT 1", []):
        query = f"{ROLLUPS} WHERE t_ms = {t_ms}"
        return next(ticks_of(merged_rows(connection, [], query), ()), None)
    until_s = min(end_s, start_s + BACK_S)
    return next(_between(connection, start_s, until_s), None)


def _ms(t_s: float) -> int:
    return round(max(t_s, 0.0) * 1000)
