"""What was read of a target, beside the diagnosis itself: one sentence each, as data."""

from __future__ import annotations

from typing import NamedTuple

from holter.evidence.room import size
from holter.records import Message
from holter.reports.catalogue import Lang, phrase, text
from holter.reports.wording import duration


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
