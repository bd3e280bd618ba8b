"""Keys of sentences and their English wording, defined next to the code that uses them.

A sentence is defined once, as a module-level constant, and called with the values of its blanks::

    NO_PROGRESS = define("stall.no-progress", "no progress for {age:duration}")
    reason = NO_PROGRESS(age=12.5)

The result is a ``Message``: data that is written to the tape, compared, and rendered in any language by ``reports``.
Values are in base units (seconds, bytes, ratios); the blank selects the format: ``duration`` (3 min 20 s),
``seconds`` (2.31 s), ``bytes``, ``percent``, ``cpus`` (1 CPU), ``.2f``. A value may be a ``Subject`` (a process),
another ``Message``, or a tuple, which is shown as a list. Code never reads a rendered sentence.

A part that needs a value that may be unknown stands in double brackets, with other wordings for that case, if any::

    FULL = define("disk.full", "a disk[[ on {host}]] is full[[: {free:bytes} are left|: nothing is left]]")

If the wording depends on a number, ``one`` is the wording for a ``count`` of one::

    WORKERS_STOPPED = define("seen.stopped", "{count} workers are stopped", one="{count} worker is stopped")
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple

from holter.records import Message, Text, Value


class Sentence(NamedTuple):
    """The key of a sentence and its English wording."""

    key: str
    english: str

    def __call__(self, **values: Value | None) -> Message:
        """Return the message with these values; values of None are left out."""
        return Message(key=self.key, values=tuple((name, value) for name, value in values.items() if value is not None))


ENGLISH: dict[str, str] = {}
# Wording for a ``count`` of one, for sentences with such a wording.
SINGULAR: dict[str, str] = {}


def define(key: str, english: str, *, one: str | None = None) -> Sentence:
    """Register a sentence and return it.

    Raises:  ValueError if the key already has another wording.
    """
    if ENGLISH.setdefault(key, english) != english:
        raise ValueError(f"{key} is defined twice, with different words")
    if one is not None:
        SINGULAR[key] = one
    return Sentence(key, english)


def define_all(sentences: Mapping[str, str | tuple[str, str]]) -> None:
    """Register sentences whose keys the code composes: ``phase.NAME``. Of a pair, the second is for a count of one.

    Raises:  ValueError as ``define``.
    """
    for key, english in sentences.items():
        many, one = english if isinstance(english, tuple) else (english, None)
        define(key, many, one=one)


THEN = define("sentence.then", "{first}; {then}")


def joined(*said: Text) -> Text:
    """Return one text that joins several sentences, without empty ones."""
    whole: Text = ""
    for sentence in said:
        whole = THEN(first=whole, then=sentence) if whole and sentence else whole or sentence
    return whole


def parts(said: Text | None) -> tuple[Text, ...]:
    """Return the sentences that ``joined`` made this text of.

    A text that is not joined is returned as the only element; None and empty text give ().
    """
    if isinstance(said, Message) and said.key == THEN.key:
        return tuple(part for _, value in said.values if isinstance(value, (str, Message)) for part in parts(value))
    return (said,) if said else ()


def has(said: Text | None, *sentences: Sentence) -> bool:
    """Return whether one of these sentences is part of this text."""
    keys = {sentence.key for sentence in sentences}
    return any(isinstance(part, Message) and part.key in keys for part in parts(said))


def as_fields(said: Text) -> dict[str, Any]:
    """Return the event fields for this text: ``message`` for a sentence, ``text`` for a quotation."""
    return {"text": "", "message": said} if isinstance(said, Message) else {"text": said, "message": None}


# What is still safe after a failed command.
NOTHING_STARTED = define("safe.nothing-started", "Nothing was started.")
NOTHING_CHANGED = define("safe.nothing-changed", "Nothing was changed.")
NOTHING_STARTED_OR_CHANGED = define("safe.nothing-started-or-changed", "Nothing was started or changed.")
NOTHING_WRITTEN = define("safe.nothing-written", "Nothing was written.")
NOTHING_TOUCHED = define("safe.nothing-touched", "Nothing was touched.")
NOTHING_OVERWRITTEN = define("safe.nothing-overwritten", "Nothing was overwritten.")
NO_TRAINING_TOUCHED = define("safe.no-training-touched", "No training was started or touched.")


def gist(content: object, numbers: re.Pattern[str]) -> Hashable:
    """Return what stays of a text or message without all that ``numbers`` matches."""
    if isinstance(content, Message):
        return content.key, tuple(gist(value, numbers) for _, value in content.values)
    return numbers.sub("", content) if isinstance(content, str) else None
