"""Replace samples far from any episode by minute means, so that a day stays below 30 MB."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

import msgspec

from holter.records import Episode
from holter.tape import coding


class RawWindow(msgspec.Struct, frozen=True, kw_only=True):
    """Which samples stay on the tape as they were read (times in seconds); older ones become means."""

    keep_s: float = 900.0  # the last 15 minutes, always: every alarm needs less history
    around_episode_s: float = 180.0  # before its start and after its alarm, permanently
    span_s: float = 60.0  # length of a roll-up


def compact(connection: sqlite3.Connection, t_s: float, window: RawWindow, episodes: tuple[Episode, ...]) -> int:
    """Replace the rows of each old minute by one row of means; return the number of rows removed.

    Only minutes that are older than ``window.keep_s`` at ``t_s`` and far from every episode are replaced. The caller
    commits.
    """
    span_ms = round(window.span_s * 1000)
    limit_ms = round((t_s - window.keep_s) * 1000) // span_ms * span_ms
    (oldest_ms,) = connection.execute("SELECT min(t_ms) FROM reading WHERE t_ms < ?", [limit_ms]).fetchone()
    removed = 0
    while oldest_ms is not None:
        start_ms = oldest_ms // span_ms * span_ms
        if not _kept(start_ms, start_ms + span_ms, window, episodes):
            removed += _roll_up(connection, start_ms, span_ms)
        (oldest_ms,) = connection.execute(
            "SELECT min(t_ms) FROM reading WHERE t_ms >= ? AND t_ms < ?", [start_ms + span_ms, limit_ms]
        ).fetchone()
    return removed


def _kept(start_ms: int, end_ms: int, window: RawWindow, episodes: Iterable[Episode]) -> bool:
    margin = window.around_episode_s
    return any(
        start_ms < (max(episode.alarm_s, episode.start_s) + margin) * 1000
        and end_ms > (episode.start_s - margin) * 1000
        for episode in episodes
    )


def _roll_up(connection: sqlite3.Connection, start_ms: int, span_ms: int) -> int:
    rows = connection.execute(
        "SELECT kind, key, data FROM reading WHERE t_ms >= ? AND t_ms < ? ORDER BY kind, t_ms",
        [start_ms, start_ms + span_ms],
    ).fetchall()
    state: dict[str, coding.Entities] = {}
    whole: dict[str, list[coding.Entities]] = {}
    for kind, is_key, data in rows:
        if kind not in state and not is_key:
            state[kind] = _entities_before(connection, kind, start_ms)
        state[kind] = coding.merge(None if is_key else state[kind], coding.unpacked(data))
        whole.setdefault(kind, []).append(state[kind])
    for kind, entities in state.items():
        _make_next_whole(connection, kind, start_ms + span_ms, entities)
    connection.executemany(
        "INSERT OR REPLACE INTO rollup VALUES (?, ?, ?, ?)",
        [(start_ms, kind, span_ms / 1000, coding.pack(coding.mean_entities(seen))) for kind, seen in whole.items()],
    )
    connection.execute("DELETE FROM reading WHERE t_ms >= ? AND t_ms < ?", [start_ms, start_ms + span_ms])
    return len(rows)


def _entities_before(connection: sqlite3.Connection, kind: str, before_ms: int) -> coding.Entities:
    # The last row before a time, in full: a span may begin with changes against it.
    rows = connection.execute(
        "SELECT key, data FROM reading WHERE kind = ? AND t_ms < ? AND t_ms >= coalesce("
        "(SELECT max(t_ms) FROM reading WHERE kind = ? AND t_ms < ? AND key = 1), 0) ORDER BY t_ms",
        [kind, before_ms, kind, before_ms],
    )
    entities: coding.Entities = {}
    for is_key, data in rows:
        entities = coding.merge(None if is_key else entities, coding.unpacked(data))
    return entities


def _make_next_whole(connection: sqlite3.Connection, kind: str, from_ms: int, before: coding.Entities) -> None:
    # The first row after a removed span holds changes against a removed row: write it in full.
    row = connection.execute(
        "SELECT t_ms, key, data FROM reading WHERE kind = ? AND t_ms >= ? ORDER BY t_ms LIMIT 1",
        [kind, from_ms],
    ).fetchone()
    if row is not None and not row[1]:
        connection.execute(
            "UPDATE reading SET key = 1, data = ? WHERE t_ms = ? AND kind = ?",
            [coding.pack(coding.merge(before, coding.unpacked(row[2]))), row[0], kind],
        )
