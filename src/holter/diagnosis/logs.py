"""Diagnose logs, pasted consoles and results folders."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO

import msgspec

from holter.detectors.log_episodes import LOG_END, episodes_of_log
from holter.diagnosis.earlier_starts import are_mixed, judged
from holter.diagnosis.excerpts import refuse_excerpt
from holter.diagnosis.log_notes import end_of, of_epochs, of_fold, of_losses, of_runs
from holter.diagnosis.result import DiagnosisResult, of_piece
from holter.diagnosis.without_runs import of_outputs, of_prediction, of_words
from holter.diagnosis.words import Kept, accuses, said, with_words
from holter.errors import NotALog
from holter.evidence.facts.training.epochs import runs as runs_of
from holter.evidence.facts.training.epochs import shape_of
from holter.evidence.text_facts import Found, is_addressed
from holter.evidence.text_facts.genre.events import tells_event
from holter.records import Environment, Episode, Message, TargetKind, Text
from holter.remedies.diagnose import diagnose_recording
from holter.sentences import define
from holter.tape import Recording
from holter.texts.decode import lines_of, lines_of_stream
from holter.texts.kernel_log import Span, sifted
from holter.texts.predictions import PredictionReader
from holter.texts.recording import described, in_order, to_recording
from holter.texts.results_folder import Fold, find_fold
from holter.texts.runs import LogRun, RunReader, name_wall
from holter.texts.runs.header import beside

# The training counts as running if its log was written this recently: within twice the usual epoch and a checkpoint.
# Before any epoch is known: within the time that start-up and compilation take.
RUNNING_EPOCHS, CHECKPOINT_S, STARTUP_S = 2.0, 60.0, 600.0
# Allowed difference between the clocks of a file server and of this machine.
CLOCKS_S = 120.0
# The console may go on for this long after the log: the exception comes last.
AFTER_LOG_S = 3600.0

NO_LOG = define("target.no-log", "There is no training log in {name}.")
ONE_LOG = define(
    "target.one-log", "Exceptions are not in nnU-Net's log: give the console's output too, if you have it."
)
RUNNING = define("target.running", "The log was written to {age:duration} ago: the training seems to be running.")
FINISHED = define("target.finished", "The training was finished.")


Tell = Callable[[str, int], None]  # name, per cent


def read_log(path: Path, tell: Tell | None = None) -> DiagnosisResult:
    """Diagnose one log or console file. ``tell``: gets its name and the per cent that are read.

    Raises:  NotALog, OSError.
    """
    kept = Kept()
    runs = _runs(path, tell, kept)
    is_console = name_wall(path.name) is None
    text = kept.text(_begin_of_last(runs)) if is_console else ""
    prediction = kept.prediction if is_console else None
    return _found(in_order(runs), path.name, "log", None, is_console=is_console, text=text, prediction=prediction)


def read_pasted(file: BinaryIO, name: Text) -> DiagnosisResult:
    """Diagnose text from a pipe.

    Raises:  NotALog.
    """
    reader, kept = RunReader(name), Kept()
    for lines in kept.passing(lines_of_stream(file, name)):
        reader.feed(lines)
    runs = reader.close()
    text = kept.text(_begin_of_last(runs))
    runs = in_order(runs)
    return _found(runs, name, "log", None, is_console=True, may_run=False, text=text, prediction=kept.prediction)


# Words about an earlier start say nothing of the last one.
def _begin_of_last(runs: list[LogRun]) -> int:
    if not runs or in_order(runs)[-1:] != runs[-1:] or not runs[-1].first_s:
        return 0
    return sum(run.lines for run in runs[:-1])


def read_folder(folder: Path, tell: Tell | None = None) -> DiagnosisResult:
    """Diagnose a fold's folder; of a folder with several folds, the one that was written to last.

    ``tell``: gets the name of a log and the per cent that are read.
    Raises:  NotATraining, NotALog, OSError.
    """
    fold = find_fold(folder)
    runs = in_order([run for path in fold.logs for run in _runs(path, tell)])
    for path in fold.consoles:
        _add_console(runs, path)
    notes = list(of_fold(fold))
    if not runs:
        recording = Recording(environment=_environment(fold, (), 0.0))
        return DiagnosisResult("folder", str(fold.folder), recording, (), (NO_LOG(name=str(fold.folder)), *notes))
    return _found(runs, str(fold.folder), "folder", fold, notes=notes, is_console=bool(fold.consoles))


def _runs(path: Path, tell: Tell | None, kept: Kept | None = None) -> list[LogRun]:
    reader = RunReader(path.name, name_wall(path.name))
    whole = max(1, path.stat().st_size)

    def progress(read: int) -> None:
        if tell is not None:
            tell(path.name, min(100, 100 * read // whole))

    pieces = lines_of(path, progress)
    for lines in pieces if kept is None else kept.passing(pieces):
        reader.feed(lines)
    return reader.close()


def _add_console(runs: list[LogRun], path: Path) -> None:
    # Events that only the console has are added to the run that was active at that time.
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
        beside_it = [
            run for run in runs if (run.begun_s or 0.0) - CLOCKS_S <= part.first_s <= end_of(run) + AFTER_LOG_S
        ]
        if beside_it:
            beside_it[-1].add(events)
            beside_it[-1].last_s = max(end_of(beside_it[-1]), part.last_s or 0.0)


def _found(
    runs: list[LogRun],
    name: Text,
    kind: TargetKind,
    fold: Fold | None,
    *,
    notes: Iterable[Message] = (),
    is_console: bool,
    may_run: bool = True,
    text: str = "",
    prediction: PredictionReader | None = None,
) -> DiagnosisResult:
    is_log = any(run.has_beginning or run.first_s for run in runs)
    if not is_log and text and not tells_event(text):  # nobody met an error that documentation quotes
        runs = []
    words = said(text, name, is_prose=not is_log or is_addressed(text), span=span_of(runs)) if text else {}
    kernel = sifted(text, span_of(runs)).notes if text else ()
    if not runs and accuses(words):
        return of_words(words, name, kind, text, kernel)
    is_training = any(run.first_s or run.epoch_count for run in runs)
    predicted = prediction if prediction is not None and prediction.is_one and not is_training else None
    if not runs:
        return of_outputs(words, name, kind, text) if predicted is None else of_prediction(predicted, [], name)
    zero_s = next((run.begun_s for run in runs if run.begun_s is not None), 0.0)
    environment = _environment(fold, runs, zero_s)
    recording = to_recording(runs, msgspec.structs.replace(environment, console="read" if is_console else None))
    age_s = _age_s(runs)
    is_running = may_run and age_s is not None and age_s < _running_s(recording)
    episodes = episodes_of_log(recording, is_running=is_running, are_mixed=are_mixed(runs))
    if fold is not None and fold.is_validated:
        episodes = tuple(episode for episode in episodes if episode.detector != LOG_END)
    episodes, earlier = judged(episodes, runs, name)
    all_notes = [*of_runs(runs), *earlier, *kernel, *notes, *of_epochs(recording), *of_losses(recording)]
    # The sentences of a finished training are its last: it only ended a moment ago.
    if is_running and not runs[-1].is_finished and not any(episode.kind == "death" for episode in episodes):
        all_notes.append(RUNNING(age=max(0.0, age_s or 0.0)))
    elif not episodes and (runs[-1].is_finished or (fold is not None and fold.is_validated)):
        all_notes.append(FINISHED())
    if episodes and episodes[-1].detector == LOG_END and not is_console:
        all_notes.append(ONE_LOG())
    if not episodes and accuses(words) and not runs[-1].is_finished:
        return of_words(words, name, kind, text, tuple(all_notes))
    if not episodes and predicted is not None:
        return of_prediction(predicted, runs, name)
    if not episodes and fold is None and not any(run.is_of_training for run in runs):
        return of_outputs(words, name, kind, text)  # a line that warns is no log that could get the all-clear
    refuse_excerpt(runs, episodes, words, text, name)
    episodes = _of_kind_in_words(episodes, words)
    recording = msgspec.structs.replace(recording, all_episodes=episodes)
    diagnoses = diagnose_recording(recording, episodes, is_over=True)
    if words and diagnoses:
        diagnoses = (*diagnoses[:-1], with_words(diagnoses[-1], words, recording.environment))
    return DiagnosisResult(kind, name, recording, diagnoses, tuple(all_notes), facts=of_piece(name, words))


# A part of a log ends somewhere: what its lines and the words around it tell of is the trouble, not this end.
def _of_kind_in_words(episodes: tuple[Episode, ...], words: dict[str, Found]) -> tuple[Episode, ...]:
    kind = words.get("episode.kind")
    if kind is None or not episodes or episodes[-1].detector != LOG_END or kind.value == episodes[-1].kind:
        return episodes
    return (*episodes[:-1], msgspec.structs.replace(episodes[-1], kind=kind.value))


def span_of(runs: Iterable[LogRun]) -> Span | None:
    """Return the times of the first and the last line of these runs; None if no line has a time."""
    times = [time for run in runs if run.first_s for time in (run.begun_s or run.first_s, end_of(run))]
    return Span(min(times), max(times)) if times else None


def _environment(fold: Fold | None, runs: Iterable[LogRun], zero_s: float) -> Environment:
    if fold is None:
        return described(tuple(runs), zero_s)
    plans, versions, host = beside(fold.folder)
    environment = described(tuple(runs), zero_s, plans, versions, host)
    return msgspec.structs.replace(environment, output_folder=str(fold.folder))


def _age_s(runs: list[LogRun]) -> float | None:
    # None without time stamps, or if the log's clock and ours disagree.
    last_s = max((run.last_s or 0.0 for run in runs), default=0.0)
    if not last_s:
        return None
    now = time.time()
    offset = datetime.datetime.fromtimestamp(now).astimezone().utcoffset()
    age_s = now + (offset.total_seconds() if offset else 0.0) - last_s
    return age_s if age_s > -CLOCKS_S else None


def _running_s(recording: Recording) -> float:
    epochs = shape_of(runs_of(recording))
    return STARTUP_S if epochs is None else RUNNING_EPOCHS * epochs.series.usual_s + CHECKPOINT_S
