"""Tape -> tables for other programs: one file for each kind of sample, for events and for episodes."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from holter.errors import FolderNotWritable, MissingExtra, TapeExists
from holter.records import (
    Beat,
    CgroupSample,
    Episode,
    GpuSample,
    HostSample,
    Message,
    ProbeRun,
    ProcessSample,
    Record,
    StorageSample,
    Tick,
    Unread,
)
from holter.reports.catalogue import phrase
from holter.sentences import NOTHING_OVERWRITTEN, define
from holter.tape import Recording
from holter.tape.opening import EXISTS

SAMPLE_TABLES: dict[str, type[Record]] = {
    "host": HostSample,
    "cgroup": CgroupSample,
    "process": ProcessSample,
    "gpu": GpuSample,
    "storage": StorageSample,
    "beat": Beat,
}
# Columns that all events share; the rest of an event is JSON in ``details``.
NO_PYARROW = define("error.no-pyarrow", "Parquet files need pyarrow, which is not installed.")
TAPE_UNTOUCHED = define("safe.tape-untouched", "The tape is untouched; CSV needs nothing more.")
CANNOT_MAKE_FOLDER = define("error.cannot-make-folder", "Cannot make the folder {folder}: {error}.")
OTHER_FOLDER = define("next.other-folder", "Choose another folder, or add --force to overwrite.")

EVENT_COLUMNS = ("t_s", "event", "pid", "details")

Row = dict[str, Any]


def export_csv(recording: Recording, folder: Path, force: bool = False) -> tuple[Path, ...]:
    """Write one CSV file per table into the folder; return the files. An empty cell means unknown."""
    written = []
    for name, columns, rows in _tables(recording):
        path = _free(folder / f"{name}.csv", force)
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=columns)
            writer.writeheader()
            writer.writerows({key: _flat(value) for key, value in row.items()} for row in rows)
        written.append(path)
    return tuple(written)


def export_parquet(recording: Recording, folder: Path, force: bool = False) -> tuple[Path, ...]:
    """Write one Parquet file per table into the folder; return the files."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtra(
            NO_PYARROW(),
            safe=TAPE_UNTOUCHED(),
            next_step="pip install 'holter[parquet]'",
        ) from error
    written = []
    for name, columns, rows in _tables(recording):
        path = _free(folder / f"{name}.parquet", force)
        flat = [{column: _flat(row.get(column)) for column in columns} for row in rows]
        data = {column: [row[column] for row in flat] for column in columns}
        pyarrow.parquet.write_table(pyarrow.table(data), path)
        written.append(path)
    return tuple(written)


def _tables(recording: Recording) -> Iterator[tuple[str, tuple[str, ...], list[Row]]]:
    # ``span_s`` > 0 marks a mean, 0 a single reading.
    for name, kind in SAMPLE_TABLES.items():
        rows = [
            {**msgspec.structs.asdict(sample), "span_s": tick.span_s}
            for tick in recording.ticks()
            for sample in _samples(tick, kind)
        ]
        yield name, (*_fields(kind), "span_s"), rows
    yield "events", EVENT_COLUMNS, [_event_row(event) for tick in recording.ticks() for event in tick.events]
    yield "probe_runs", _fields(ProbeRun), [msgspec.structs.asdict(run) for run in recording.probe_runs()]
    yield "episodes", _fields(Episode), [_episode_row(episode) for episode in recording.episodes()]


def _samples(tick: Tick, kind: type[Record]) -> Iterator[Record]:
    for sample in (tick.host, tick.cgroup, *tick.processes, *tick.gpus, *tick.storage, *tick.beats):
        if isinstance(sample, kind):
            yield sample


def _fields(kind: type[Record]) -> tuple[str, ...]:
    return tuple(kind.__struct_fields__)


def _episode_row(episode: Episode) -> Row:
    words = {"subject": episode.subject_name, "reason": phrase(episode.reason, "en")}
    return {**msgspec.structs.asdict(episode), **words}


def _event_row(event: Record) -> Row:
    details = msgspec.to_builtins(event)
    message = getattr(event, "message", None)
    if isinstance(message, Message):
        details["text"] = phrase(message, "en")
    row = {"t_s": details.pop("t_s"), "event": details.pop("type"), "pid": details.pop("pid", None)}
    return {**row, "details": json.dumps(details, ensure_ascii=False)}


def _flat(value: Any) -> Any:
    # A list becomes JSON, because a cell holds one value.
    if isinstance(value, Message):
        return phrase(value, "en")
    if isinstance(value, (tuple, list)):
        return json.dumps([msgspec.to_builtins(_said(item)) for item in value], ensure_ascii=False)
    return value


def _said(value: Any) -> Any:
    if isinstance(value, Unread):
        return f"{value.field}: {phrase(value.why, 'en')}"
    return phrase(value, "en") if isinstance(value, Message) else value


def _free(path: Path, force: bool) -> Path:
    # Creates the folder; refuses an existing file.
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = CANNOT_MAKE_FOLDER(folder=str(path.parent), error=error.strerror or str(error))
        raise FolderNotWritable(what) from error
    if path.exists() and not force:
        raise TapeExists(
            EXISTS(path=str(path)),
            safe=NOTHING_OVERWRITTEN(),
            next_step=OTHER_FOLDER(),
        )
    return path
