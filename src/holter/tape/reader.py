"""Read a tape: while it is written, after a kill, if it is truncated, or if it is of another version."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from holter.errors import NotATape, TapeError, TapeTooNew
from holter.install import update_line
from holter.records import (
    Beat,
    CgroupSample,
    Environment,
    Episode,
    Event,
    GpuSample,
    HostSample,
    Message,
    ProbeRun,
    ProcessSample,
    Sample,
    StackDump,
    StorageSample,
    Subject,
    Tick,
)
from holter.sentences import define
from holter.tape import coding, schema
from holter.tape.opening import SIDE_FILES, SQLITE_MAGIC, is_without_its_log
from holter.tape.recording import Recording

T = TypeVar("T")

# Columns as ``merged_rows`` needs them.
ROLLUPS = "SELECT t_ms, kind, span_s, 1, data FROM rollup"
READINGS = "SELECT t_ms, kind, 0.0, key, data FROM reading"
IN_ORDER = "ORDER BY 1, 3 DESC"
ALL_ROWS = f"{ROLLUPS} UNION ALL {READINGS} {IN_ORDER}"

CANNOT_READ = define("error.cannot-read", "Cannot read {path}: {error}.")
CHECK_PATH = define("next.check-path", "Check the path of the tape.")
ASK_OWNER = define(
    "next.ask-owner", "Only its owner can read a tape: ask for the page that holter report --scrub writes of it."
)
NOT_A_TAPE = define("error.not-a-tape", "{path} is not a Holter tape.")
GIVE_A_TAPE = define("next.give-a-tape", "Give a *.holter file that holter run or holter attach wrote.")
BEGINS_LIKE_ONE = define("error.begins-like-a-tape", "{path} begins like a tape but cannot be opened: {error}.")
OTHER_DATABASE = define("error.other-database", "{path} is an SQLite file, but not a Holter tape.")
TOO_NEW = define("error.tape-too-new", "{path} was written in format {version}; this Holter reads up to {newest}.")
TAPE_IS_FINE = define("safe.tape-is-fine", "The tape is fine.")
DAMAGED = define("damage.parts", "{parts} cannot be read in full")
NOT_READ_NOW = define("damage.not-read-now", "{part} ({error})")
READINGS_PART = define("damage.readings", "readings")
LEFT_BEHIND = define(
    "damage.left-behind", "the newest readings (in {file}, which was not copied or moved together with the tape)"
)
# By the name of the table.
PARTS = {
    "event": define("damage.events", "events"),
    "reading": READINGS_PART,
    "rollup": READINGS_PART,
    "stack": define("damage.stacks", "stacks"),
    "episode": define("damage.episodes", "episodes"),
    "probe_run": define("damage.probe-runs", "costs of the probes"),
    "meta": define("damage.meta", "the description of the run"),
}
# SQLite's errors that say nothing about the file.
NO_DAMAGE = ("disk I/O error", "locked", "unable to open")


def read(path: Path) -> Recording:
    """Read everything on the tape. From a truncated or damaged file return what is readable; ``damage`` lists the rest.

    Raises:  NotATape, TapeTooNew, TapeError (no such file, no permission).
    """
    connection = connect(path)
    try:
        damage: list[Message] = []
        finished = is_finished(connection, damage)
        damage += left_behind(path, finished=finished)
        events = tuple(_records(connection, "event", Event, damage))
        samples = merged_rows(connection, damage)
        return Recording(
            all_ticks=tuple(ticks_of(samples, events)),
            all_stacks=tuple(_records(connection, "stack", StackDump, damage)),
            all_episodes=tuple(with_process(episode) for episode in _records(connection, "episode", Episode, damage)),
            all_probe_runs=tuple(_probe_runs(connection, damage)),
            environment=environment_of(connection, damage),
            path=path,
            finished=finished,
            damage=damage_of(damage),
        )
    finally:
        connection.close()


def read_environment(path: Path) -> Environment | None:
    """Read only the description of the run, for lists of tapes.

    Raises:  as ``read``.
    """
    connection = connect(path)
    try:
        return environment_of(connection, [])
    finally:
        connection.close()


def connect(path: Path) -> sqlite3.Connection:
    """Open a tape to read it, also while it is written.

    Raises:  NotATape, TapeTooNew, TapeError (no such file, no permission).
    """
    try:
        with path.open("rb") as file:
            magic = file.read(len(SQLITE_MAGIC))
    except OSError as error:
        what = CANNOT_READ(path=str(path), error=error.strerror or str(error))
        raise TapeError(what, next_step=(ASK_OWNER if isinstance(error, PermissionError) else CHECK_PATH)()) from error
    if magic != SQLITE_MAGIC:
        raise NotATape(
            NOT_A_TAPE(path=str(path)),
            next_step=GIVE_A_TAPE(),
        )
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=5.0)
    # SQLite refuses a file shorter than its header says, unless this marks it as a salvage.
    connection.execute("PRAGMA writable_schema = ON")
    try:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.DatabaseError as error:
        connection.close()
        raise NotATape(BEGINS_LIKE_ONE(path=str(path), error=str(error))) from error
    if application != schema.APPLICATION_ID:
        connection.close()
        raise NotATape(OTHER_DATABASE(path=str(path)))
    if version > schema.SCHEMA_VERSION:
        connection.close()
        raise TapeTooNew(
            TOO_NEW(path=str(path), version=version, newest=schema.SCHEMA_VERSION),
            safe=TAPE_IS_FINE(),
            next_step=update_line(),
        )
    return connection if version == schema.SCHEMA_VERSION else _migrated(connection, version)


def _migrated(connection: sqlite3.Connection, version: int) -> sqlite3.Connection:
    memory = sqlite3.connect(":memory:")
    connection.backup(memory)
    connection.close()
    for step in range(version, schema.SCHEMA_VERSION):
        schema.MIGRATIONS[step](memory)
    return memory


def left_behind(path: Path, *, finished: bool) -> list[Message]:
    """Return the part of a tape that is missing if the file was copied or moved alone while it was written."""
    is_apart = not finished and is_without_its_log(path)
    return [LEFT_BEHIND(file=f"{path.name}{SIDE_FILES[0]}")] if is_apart else []


def damage_of(parts: Iterable[Message]) -> Message | None:
    """Return one sentence for the parts that could not be read; None if there are none."""
    each = tuple(dict.fromkeys(parts))
    return DAMAGED(parts=each) if each else None


def select(connection: sqlite3.Connection, query: str, damage: list[Message]) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a query until the tape ends or is damaged; what cannot be read is named in ``damage``."""
    try:
        yield from connection.execute(query)
    except sqlite3.DatabaseError as error:
        part = PARTS[query.split(" FROM ")[-1].split()[0]]()
        is_damage = not any(words in str(error) for words in NO_DAMAGE)
        damage.append(part if is_damage else NOT_READ_NOW(part=part, error=str(error)))


def decoded(function: Callable[[], T], table: str, damage: list[Message]) -> T | None:
    """Return the result of ``function``, which decodes a record of ``table``.

    If it fails, return None and add the damaged part to ``damage``.
    """
    try:
        return function()
    except Exception:  # noqa: BLE001 - garbage can break every step: decompression, JSON, the record
        damage.append(PARTS[table]())
    return None


def _records(connection: sqlite3.Connection, table: str, kind: Any, damage: list[Message]) -> Iterator[Any]:
    return (record for _, record in numbered(connection, table, kind, damage))


def numbered(
    connection: sqlite3.Connection, table: str, kind: Any, damage: list[Message], after: int = -1, also: str = ""
) -> Iterator[tuple[int, Any]]:
    """Yield the records of a table with their numbers: those above ``after``, if the condition ``also`` holds."""
    decoder = msgspec.json.Decoder(kind)
    query = f"SELECT id, data FROM {table} WHERE id > {after} {also} ORDER BY id"
    for number, data in select(connection, query, damage):
        record = decoded(lambda data=data: decoder.decode(coding.unpack(data)), table, damage)  # type: ignore[misc]
        if record is not None:
            yield number, record


def with_process(episode: Episode) -> Episode:
    """Return the episode with its subject as a process: older tapes store the name."""
    process = Subject.from_name(episode.subject) if isinstance(episode.subject, str) else None
    return episode if process is None else msgspec.structs.replace(episode, subject=process)


def merged_rows(
    connection: sqlite3.Connection,
    damage: list[Message],
    query: str = ALL_ROWS,
    state: dict[str, coding.Entities] | None = None,
) -> Iterator[tuple[int, float, list[Sample]]]:
    """Yield (t_ms, span_s, samples) of each row that ``query`` selects, with every value.

    Most rows store only what changed since the last row of the same kind (type of sample); the rest is filled in.
    ``span_s``: the seconds that a row summarises, 0 for a single reading. ``damage``: what cannot be read is added.
    ``state``: the last row of each kind, with every value; it is updated, so that a later call can continue from it.
    """
    state = {} if state is None else state
    for t_ms, kind, span_s, is_key, data in select(connection, query, damage):
        row = decoded(lambda data=data: coding.unpacked(data), "reading", damage)  # type: ignore[misc]
        if row is None or kind not in coding.TYPE_OF_KIND or not (is_key or kind in state):
            continue
        state[kind] = coding.merge(None if is_key else state[kind], row)
        samples = [
            decoded(
                lambda fields=fields, kind=kind, t_ms=t_ms: coding.to_sample(kind, fields, t_ms / 1000),  # type: ignore[misc]
                "reading",
                damage,
            )
            for fields in state[kind].values()
        ]
        yield t_ms, span_s, [sample for sample in samples if sample is not None]


def ticks_of(rows: Iterator[tuple[int, float, list[Sample]]], events: tuple[Event, ...]) -> Iterator[Tick]:
    """Yield the samples of one instant together, each tick with the events recorded up to it."""
    waiting = list(events)
    at: tuple[int, float] | None = None
    samples: list[Sample] = []
    for t_ms, span_s, row in rows:
        if at is not None and (t_ms, span_s) != at:
            yield _tick(at, samples, waiting)
            samples = []
        at = (t_ms, span_s)
        samples.extend(row)
    if at is not None:
        yield _tick(at, samples, waiting)
    if waiting:
        last_ms = max(round(max(event.t_s for event in waiting) * 1000), at[0] if at else 0)
        yield Tick(t_s=last_ms / 1000, events=tuple(waiting))


def _tick(at: tuple[int, float], samples: list[Sample], waiting: list[Event]) -> Tick:
    t_s = at[0] / 1000
    events: list[Event] = []
    while waiting and waiting[0].t_s <= t_s + at[1] + 1e-3:
        events.append(waiting.pop(0))
    return make_tick(t_s, samples, tuple(events), span_s=at[1])


def make_tick(t_s: float, samples: list[Sample], events: tuple[Event, ...], span_s: float = 0.0) -> Tick:
    """Return a tick with the samples sorted into its fields."""
    of: dict[type[Sample], list[Any]] = {}
    for sample in samples:
        of.setdefault(type(sample), []).append(sample)
    return Tick(
        t_s=t_s,
        span_s=span_s,
        host=of[HostSample][0] if HostSample in of else None,
        cgroup=of[CgroupSample][0] if CgroupSample in of else None,
        processes=tuple(of.get(ProcessSample, ())),
        gpus=tuple(of.get(GpuSample, ())),
        storage=tuple(of.get(StorageSample, ())),
        beats=tuple(of.get(Beat, ())),
        events=events,
    )


def _probe_runs(connection: sqlite3.Connection, damage: list[Message]) -> Iterator[ProbeRun]:
    query = "SELECT t_ms, probe, runs, failures, cost_s, error FROM probe_run ORDER BY t_ms"
    for t_ms, probe, runs, failures, cost_s, error in select(connection, query, damage):
        yield ProbeRun(t_s=t_ms / 1000, probe=probe, ok=failures == 0, cost_s=cost_s / max(runs, 1), error=error)


def environment_of(connection: sqlite3.Connection, damage: list[Message]) -> Environment | None:
    """Return the description of the run; None if the tape has none, or it is damaged (then ``damage`` says so)."""
    for (value,) in select(connection, "SELECT value FROM meta WHERE name = 'environment'", damage):
        return decoded(lambda value=value: msgspec.json.decode(coding.unpack(value), type=Environment), "meta", damage)  # type: ignore[misc]
    return None


def is_finished(connection: sqlite3.Connection, damage: list[Message]) -> bool:
    """Return whether the tape was closed."""
    return any(select(connection, "SELECT 1 FROM meta WHERE name = 'finished_ms'", damage))
