"""What is said beside the diagnosis of a log: its files, its times, its epochs, the fold's checkpoints."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

from holter.evidence.facts.training.epochs import described as series_in_words
from holter.evidence.facts.training.epochs import runs as runs_of
from holter.evidence.facts.training.epochs import shape_of
from holter.records import EpochEnded, Message, Text
from holter.sentences import define
from holter.tape import Recording
from holter.texts.results_folder import Fold
from holter.texts.runs import LogRun

LOG = define("target.log", "{name}: {start} to {end}; epochs: {epochs}, starts: {runs}")
LOG_UNTIMED = define(
    "target.log-untimed",
    "{name}: {count} lines without time stamps",
    one="{name}: {count} line without a time stamp",
)
LOST_LOSS = define(
    "target.lost-loss",
    "{loss} is not a finite number (NaN or infinite) in epoch {epoch}: check data, labels, loss and mixed precision.",
)
OTHERS = define(
    "target.others",
    "{count} other folds are there; this one was written to last: {name}",
    one="{count} other fold is there; this one was written to last: {name}",
)
CHECKPOINT = define("target.checkpoint", "{name}: {size:bytes}, written {time}")
CHECKPOINT_EMPTY = define("target.checkpoint-empty", "{name} is empty: it was cut short while it was written")
TRAINED = define("target.trained", "All epochs were trained; the final validation has no result yet.")
FLAT = define(
    "target.shape.flat",
    "Epochs take {usual:seconds}, and this does not change. A log cannot show whether that is slow for the machine.",
)
FIRST_ONLY = define(
    "target.shape.first-only",
    "The first epoch took {times:.2g} times as long as the others ({usual:seconds}). That is usual.",
)
STEP_DOWN = define("target.shape.step-down", "Epochs became faster: {usual:seconds}, then {recent:seconds}.")
DECREASING = define(
    "target.shape.decreasing", "Epochs become faster: {usual:seconds} at first, {recent:seconds} in the end."
)
OTHER_SHAPE = define("target.shape.other", "Epoch times: {detail}")


def end_of(run: LogRun) -> float:
    """Return the time of a run's last line; 0 without times."""
    return run.last_s or run.begun_s or 0.0


def of_runs(runs: list[LogRun]) -> Iterable[Message]:
    """Return messages: which files were read, and the times of their first and last lines."""
    by_name: dict[Text, list[LogRun]] = {}
    for run in runs:
        by_name.setdefault(run.name, []).append(run)
    for name, some in by_name.items():
        first = next((run.begun_s for run in some if run.first_s), None)
        if first is None:
            yield LOG_UNTIMED(name=name, count=sum(run.lines for run in some))
            continue
        yield LOG(
            name=name,
            epochs=sum(run.epoch_count for run in some),
            runs=len(some),
            start=_wall(first),
            end=_wall(max(end_of(run) for run in some)),
        )


def _wall(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S")


def of_epochs(recording: Recording) -> Iterable[Message]:
    """Say how the times of epochs changed."""
    epochs = shape_of(runs_of(recording))
    if epochs is None:
        return
    series = epochs.series
    if series.shape == "flat":
        yield FLAT(usual=series.usual_s)
    elif series.shape == "first-only":
        yield FIRST_ONLY(times=series.first_times, usual=series.usual_s)
    elif series.shape == "step-down" and series.recent_s is not None:
        yield STEP_DOWN(usual=series.usual_s, recent=series.recent_s)
    elif series.shape == "decreasing" and series.recent_s is not None:
        yield DECREASING(usual=series.usual_s, recent=series.recent_s)
    else:
        yield OTHER_SHAPE(detail=series_in_words(epochs))


def of_losses(recording: Recording) -> Iterable[Message]:
    """Say in which epoch a loss was no finite number for the first time."""
    first = next((event for event in recording.events(EpochEnded) if event.not_finite), None)
    if first is not None:
        yield LOST_LOSS(loss=first.not_finite[0], epoch=first.epoch)


def of_fold(fold: Fold) -> Iterable[Message]:
    """Say which other folds and which checkpoints are there."""
    if fold.others:
        yield OTHERS(count=len(fold.others), name=str(fold.folder))
    for checkpoint in fold.checkpoints:
        moment = datetime.datetime.fromtimestamp(checkpoint.changed_wall).astimezone().strftime("%Y-%m-%d %H:%M:%S")
        if checkpoint.size == 0:
            yield CHECKPOINT_EMPTY(name=checkpoint.name)
        else:
            yield CHECKPOINT(name=checkpoint.name, size=checkpoint.size, time=moment)
    if fold.is_trained and not fold.is_validated:
        yield TRAINED()
