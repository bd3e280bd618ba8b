"""Tape -> tables for other programs: one file for each kind of sample, for events and for episodes."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from holter.errors import FolderNotWritable, MissingExtra, TapeExists
from holter.install import extra_line
from holter.records import (
    Beat,
    CgroupSample,
    Episode,
    EpochEnded,
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
from holter.reports.outcome.wall import wall_at
from holter.reports.private_files import OTHER_PLACE, OWNER_ONLY, open_private
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

WALL = "wall"
EPOCH_COLUMNS = (
    "epoch", "t_s", "duration_s", "train_loss", "val_loss", "mean_pseudo_dice", "pseudo_dice", "learning_rate",
    "not_finite", "log_time", WALL,
)  # fmt: skip

Row = dict[str, Any]


def export_csv(recording: Recording, folder: Path, force: bool = False) -> tuple[Path, ...]:
    """Write one CSV file per table into the folder; return the files. An empty cell means unknown."""
    written = []
    for name, columns, rows in _tables(recording):
        path = _free(folder / f"{name}.csv", force)
        with open_private(path, newline="") as file:
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
            next_step=extra_line("parquet"),
        ) from error
    written = []
    for name, columns, rows in _tables(recording):
        path = _free(folder / f"{name}.parquet", force)
        flat = [{column: _flat(row.get(column)) for column in columns} for row in rows]
        data = {column: [row[column] for row in flat] for column in columns}
        path.touch(mode=OWNER_ONLY)
        path.chmod(OWNER_ONLY)
        pyarrow.parquet.write_table(pyarrow.table(data), path)
        written.append(path)
    return tuple(written)


def _tables(recording: Recording) -> Iterator[tuple[str, tuple[str, ...], list[Row]]]:
    # ``span_s`` > 0 marks a mean, 0 a single reading. ``wall`` is t_s by the clock of the machine.
    def timed(row: Row) -> Row:
        return {**row, WALL: _wall(recording, row["t_s"])}

    for name, kind in SAMPLE_TABLES.items():
        rows = [
            timed({**msgspec.structs.asdict(sample), "span_s": tick.span_s})
            for tick in recording.ticks()
            for sample in _samples(tick, kind)
        ]
        yield name, (*_fields(kind), "span_s", WALL), rows
    yield "events", (*EVENT_COLUMNS, WALL), [timed(_event_row(event)) for event in _events(recording)]
    epochs = [timed(_epoch_row(event)) for event in recording.events(EpochEnded)]
    yield "epochs", EPOCH_COLUMNS, epochs
    runs = [timed(msgspec.structs.asdict(run)) for run in recording.probe_runs()]
    yield "probe_runs", (*_fields(ProbeRun), WALL), runs
    walls = ("start_wall", "alarm_wall", "end_wall")
    yield (
        "episodes",
        (*_fields(Episode), *walls),
        [_episode_row(recording, episode) for episode in recording.episodes()],
    )


def _events(recording: Recording) -> Iterator[Record]:
    for tick in recording.ticks():
        yield from tick.events


def _wall(recording: Recording, t_s: float | None) -> str | None:
    moment = None if t_s is None else wall_at(recording.environment, t_s)
    return None if moment is None else moment.isoformat(timespec="milliseconds")


# An epoch's own time stamp in nnU-Net's log is in ``log_time``: ``wall`` is that of the recording, in every table.
def _epoch_row(event: EpochEnded) -> Row:
    row = msgspec.structs.asdict(event)
    dice = event.pseudo_dice or ()
    return {**row, "log_time": row.pop("wall"), "mean_pseudo_dice": sum(dice) / len(dice) if dice else None}


def _samples(tick: Tick, kind: type[Record]) -> Iterator[Record]:
    for sample in (tick.host, tick.cgroup, *tick.processes, *tick.gpus, *tick.storage, *tick.beats):
        if isinstance(sample, kind):
            yield sample


def _fields(kind: type[Record]) -> tuple[str, ...]:
    return tuple(kind.__struct_fields__)


def _episode_row(recording: Recording, episode: Episode) -> Row:
    words = {"subject": episode.subject_name, "reason": phrase(episode.reason, "en")}
    times = {"start": episode.start_s, "alarm": episode.alarm_s, "end": episode.end_s}
    walls = {f"{name}_wall": _wall(recording, t_s) for name, t_s in times.items()}
    return {**msgspec.structs.asdict(episode), **words, **walls}


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
        raise FolderNotWritable(what, next_step=OTHER_PLACE()) from error
    if path.exists() and not force:
        raise TapeExists(
            EXISTS(path=str(path)),
            safe=NOTHING_OVERWRITTEN(),
            next_step=OTHER_FOLDER(),
        )
    return path
