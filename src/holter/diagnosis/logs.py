"""Logs, pasted consoles and results folders -> diagnoses."""

from __future__ import annotations

import datetime
import re
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO

import msgspec

from holter.detectors.log_story import LOG_END, episodes_of_log
from holter.diagnosis.result import Found, TargetKind, diagnosed
from holter.errors import NotALog
from holter.evidence.facts.epochs import described as series_in_words
from holter.evidence.facts.epochs import runs as runs_of
from holter.evidence.facts.epochs import seconds, story
from holter.records import Environment, LogLine
from holter.reports.notes import Note, note
from holter.sentences import NOTHING_CHANGED, define
from holter.tape import Recording
from holter.texts.decode import GIVE_A_LOG, lines_of, lines_of_stream
from holter.texts.header import beside
from holter.texts.recording import described, in_order, to_recording
from holter.texts.results_folder import Fold, find_fold
from holter.texts.runs import LogRun, RunReader, name_wall

# A log that was written to so lately is of a training that runs: twice the usual epoch and a checkpoint, or, before
# any epoch is known, as long as start-up and compilation take.
RUNNING_EPOCHS, CHECKPOINT_S, STARTUP_S = 2.0, 60.0, 600.0
# Clocks of a file server and of this machine.
CLOCKS_S = 120.0
# A console beside the log goes on for as long after it: the exception comes last.
AFTER_LOG_S = 3600.0
# A loss that is no number any more, in the words of ``texts/training_log.py``.
NOTHING_IN_IT = define("error.nothing-in-text", "{name} is a text, but nothing in it is nnU-Net's, nor an error.")
LOST_LOSS = re.compile(r"(train_loss|val_loss) is (\S+) in epoch (\d+)")

Tell = Callable[[str, int], None]  # name, per cent


def read_log(path: Path, tell: Tell | None = None) -> Found:
    """Diagnose one log or console file.

    Raises:  NotALog, OSError.
    """
    runs = in_order(_runs(path, tell))
    return _found(runs, path.name, "log", None, is_console=name_wall(path.name) is None)


def read_pasted(file: BinaryIO, name: str) -> Found:
    """Diagnose text from a pipe.

    Raises:  NotALog.
    """
    reader = RunReader(name)
    for lines in lines_of_stream(file, name):
        reader.feed(lines)
    return _found(in_order(reader.close()), name, "log", None, is_console=True, may_run=False)


def read_folder(folder: Path, tell: Tell | None = None) -> Found:
    """Diagnose a fold's folder, or the fold below a folder that was written to last.

    Raises:  NotATraining, NotALog, OSError.
    """
    fold = find_fold(folder)
    runs = in_order([run for path in fold.logs for run in _runs(path, tell)])
    for path in fold.consoles:
        _add_console(runs, path)
    notes = list(_notes_of(fold))
    if not runs:
        recording = Recording(environment=_environment(fold, (), 0.0))
        return Found("folder", str(fold.folder), recording, (), (note("no-log", name=str(fold.folder)), *notes))
    return _found(runs, str(fold.folder), "folder", fold, notes=notes, is_console=bool(fold.consoles))


def _runs(path: Path, tell: Tell | None) -> list[LogRun]:
    reader = RunReader(path.name, name_wall(path.name))
    whole = max(1, path.stat().st_size)

    def progress(read: int) -> None:
        if tell is not None:
            tell(path.name, min(100, 100 * read // whole))

    for lines in lines_of(path, progress):
        reader.feed(lines)
    return reader.close()


def _add_console(runs: list[LogRun], path: Path) -> None:
    """What a console tells beyond the log goes to the run that it stands beside."""
    reader = RunReader(path.name, sentences=False)
    try:
        for lines in lines_of(path):
            reader.feed(lines)
    except (NotALog, OSError):
        return
    for part in reader.close():
        events = part.events
        if not part.first_s or not runs or not events:
            continue
        beside_it = [run for run in runs if (run.begun_s or 0.0) - CLOCKS_S <= part.first_s <= _end(run) + AFTER_LOG_S]
        if beside_it:
            beside_it[-1].add(events)
            beside_it[-1].last_s = max(_end(beside_it[-1]), part.last_s or 0.0)


def _end(run: LogRun) -> float:
    return run.last_s or run.begun_s or 0.0


def _found(
    runs: list[LogRun],
    name: str,
    kind: TargetKind,
    fold: Fold | None,
    *,
    notes: Iterable[Note] = (),
    is_console: bool,
    may_run: bool = True,
) -> Found:
    if not runs:
        raise NotALog(
            NOTHING_IN_IT(name=name),
            safe=NOTHING_CHANGED(),
            next_step=GIVE_A_LOG(),
        )
    zero_s = next((run.begun_s for run in runs if run.begun_s is not None), 0.0)
    environment = _environment(fold, runs, zero_s)
    recording = to_recording(runs, msgspec.structs.replace(environment, console="read" if is_console else None))
    age_s = _age_s(runs)
    is_running = may_run and age_s is not None and age_s < _running_s(recording)
    episodes = episodes_of_log(recording, is_running=is_running)
    if fold is not None and fold.is_validated:
        episodes = tuple(one for one in episodes if one.detector != LOG_END)
    told = [*_of_runs(runs), *notes, *_of_series(recording), *_of_losses(recording)]
    if is_running and not any(one.kind == "death" for one in episodes):
        told.append(note("running", age=max(0.0, age_s or 0.0)))
    elif not episodes and (runs[-1].is_finished or (fold is not None and fold.is_validated)):
        told.append(note("finished"))
    if episodes and episodes[-1].detector == LOG_END and not is_console:
        told.append(note("one-log"))
    recording = msgspec.structs.replace(recording, all_episodes=episodes)
    return Found(kind, name, recording, diagnosed(recording, episodes), tuple(told))


def _environment(fold: Fold | None, runs: Iterable[LogRun], zero_s: float) -> Environment:
    if fold is None:
        return described(tuple(runs), zero_s)
    plans, versions, host = beside(fold.folder)
    environment = described(tuple(runs), zero_s, plans, versions, host)
    return msgspec.structs.replace(environment, output_folder=str(fold.folder))


def _age_s(runs: list[LogRun]) -> float | None:
    """Seconds since the last line, if the log was written by a clock that agrees with ours."""
    last_s = max((run.last_s or 0.0 for run in runs), default=0.0)
    if not last_s:
        return None
    now = time.time()
    offset = datetime.datetime.fromtimestamp(now).astimezone().utcoffset()
    age_s = now + (offset.total_seconds() if offset else 0.0) - last_s
    return age_s if age_s > -CLOCKS_S else None


def _running_s(recording: Recording) -> float:
    told = story(runs_of(recording))
    return STARTUP_S if told is None else RUNNING_EPOCHS * told.series.usual_s + CHECKPOINT_S


def _of_runs(runs: list[LogRun]) -> Iterable[Note]:
    by_name: dict[str, list[LogRun]] = {}
    for run in runs:
        by_name.setdefault(run.name, []).append(run)
    for name, some in by_name.items():
        first = next((run.begun_s for run in some if run.first_s), None)
        if first is None:
            yield note("log-untimed", name=name, lines=sum(run.lines for run in some))
            continue
        yield note(
            "log",
            name=name,
            epochs=str(sum(run.epochs_told for run in some)),
            runs=len(some),
            start=_wall(first),
            end=_wall(max(_end(run) for run in some)),
        )


def _wall(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S")


def _of_series(recording: Recording) -> Iterable[Note]:
    told = story(runs_of(recording))
    if told is None:
        return
    series = told.series
    if series.shape in ("flat", "first-only", "step-down", "decreasing"):
        values = {"usual": seconds(series.usual_s), "times": f"{series.first_times:.2g}"}
        recent = seconds(series.recent_s) if series.recent_s is not None else ""
        yield note(f"shape.{series.shape}", **values, recent=recent)
    else:
        yield note("shape.other", detail=series_in_words(told))


def _of_losses(recording: Recording) -> Iterable[Note]:
    lost = (LOST_LOSS.match(line.text) for line in recording.events(LogLine))
    first = next((found for found in lost if found), None)
    if first is not None:
        yield note("lost-loss", name=first[1], detail=first[2], epochs=first[3])


def _notes_of(fold: Fold) -> Iterable[Note]:
    if fold.others:
        yield note("others", count=len(fold.others), name=str(fold.folder))
    for one in fold.checkpoints:
        moment = datetime.datetime.fromtimestamp(one.changed_wall).astimezone().strftime("%Y-%m-%d %H:%M:%S")
        if one.size == 0:
            yield note("checkpoint-empty", name=one.name)
        else:
            yield note("checkpoint", name=one.name, size=float(one.size), time=moment)
    if fold.is_trained and not fold.is_validated:
        yield note("trained")
