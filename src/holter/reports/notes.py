"""What was read of a target, beside the diagnosis itself: one sentence each, as data."""

from __future__ import annotations

from typing import NamedTuple

from holter.evidence.room import size
from holter.records import Message
from holter.reports.catalogue import Lang, phrase, text
from holter.reports.wording import duration
from holter.sentences import define_all

define_all(
    {
        "target.fact": "{name}: {detail}",
        "target.when": "at {start} by the log's clock",
        "target.log": "{name}: {start} to {end}; epochs: {epochs}, starts: {runs}",
        "target.log-untimed": "{name}: {lines} lines without time stamps",
        "target.shape.flat": (
            "Epochs take {usual} and stay so. Whether that is slow for the machine, a log cannot tell."
        ),
        "target.shape.first-only": "The first epoch took {times} times as long as the others ({usual}). That is usual.",
        "target.shape.step-down": "Epochs became faster: {usual}, then {recent}.",
        "target.shape.decreasing": "Epochs become faster: {usual} at first, {recent} in the end.",
        "target.shape.other": "Epoch times: {detail}",
        "target.lost-loss": "{name} is {detail} in epoch {epochs}: check data, labels, loss and mixed precision.",
        "target.finished": "The training was finished.",
        "target.running": "The log was written to {age} ago: the training seems to be running.",
        "target.trained": "All epochs were trained; the final validation has no result yet.",
        "target.checkpoint": "{name}: {size}, written {time}",
        "target.checkpoint-empty": "{name} is empty: it was torn while it was written",
        "target.others": "{count} other folds are there; this one was written to last: {name}",
        "target.no-log": "There is no training log in {name}.",
        "target.one-log": "Exceptions are not in nnU-Net's log: give the console's output too, if you have it.",
        "target.pid": "Looked at process {pid} for {seconds} s.",
        "target.pid-fine": "The training works: nothing stands still, and nothing became slower in what can be seen.",
        "target.evidence": "{name}: {count} facts are stated; what is left out counts as unknown.",
        "target.evidence-one": "{name}: 1 fact is stated; what is left out counts as unknown.",
        "target.guessed-kind": 'episode.kind is not stated; by the facts it is taken as "{kind}".',
        "target.looking": "looking at process {pid}: {seconds} s",
        "target.reading": "reading {name}: {percent} %",
    }
)


class Note(NamedTuple):
    """A sentence of the catalogue and what fills it."""

    key: str
    values: tuple[tuple[str, str | float | Message], ...] = ()


def note(key: str, **values: str | float | Message) -> Note:
    """Make one; ``age`` is told as a length of time, ``size`` in bytes as people say it."""
    return Note(f"target.{key}", tuple(values.items()))


def note_text(told: Note, lang: Lang) -> str:
    """Return the sentence."""
    return text(told.key, lang, **{name: _value(name, value, lang) for name, value in told.values})


def _value(name: str, value: str | float | Message, lang: Lang) -> str:
    if isinstance(value, Message):
        return phrase(value, lang)
    if name == "age":
        return duration(float(value), lang)
    if name == "size":
        return size(float(value))
    return phrase(value, lang) if isinstance(value, str) else f"{value:g}"
