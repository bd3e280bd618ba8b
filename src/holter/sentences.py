"""Keys of sentences and their English wording, defined beside the code that uses them.

A sentence is defined once, as a module-level constant, and called with the values of its blanks::

    NO_PROGRESS = define("stall.no-progress", "no progress for {age:duration}")
    reason = NO_PROGRESS(age=12.5)

The result is a ``Message``: data that goes to the tape, is compared, and is rendered in any language by ``reports``.
Values are in base units (seconds, bytes, ratios); the blank says how they are shown: ``duration`` (3 min 20 s),
``seconds`` (2.31 s), ``bytes``, ``percent``, ``.2f``. A value may be a ``Subject`` (a process), another ``Message``,
or a tuple, which is shown as a list. Code never reads a rendered sentence.

Where the number of things changes the sentence, ``one`` is the wording for one of them; ``count`` is that number::

    WORKERS_STOPPED = define("seen.stopped", "{count} workers are stopped", one="{count} worker is stopped")
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from holter.records import Message, Text, Value


class Sentence(NamedTuple):
    """The key of a sentence and its English wording."""

    key: str
    english: str

    def __call__(self, **values: Value | None) -> Message:
        """Fill the blanks; a value of None is left out."""
        return Message(key=self.key, values=tuple((name, value) for name, value in values.items() if value is not None))


ENGLISH: dict[str, str] = {}
# Wording for a ``count`` of one, of the sentences that have one.
SINGULAR: dict[str, str] = {}


def define(key: str, english: str, *, one: str | None = None) -> Sentence:
    """Make a sentence known.

    Raises:  ValueError if the key stands for another sentence already.
    """
    if ENGLISH.setdefault(key, english) != english:
        raise ValueError(f"{key} is defined twice, with different words")
    if one is not None:
        SINGULAR[key] = one
    return Sentence(key, english)


def define_all(sentences: Mapping[str, str]) -> None:
    """Make sentences known that are looked up by a key which the code puts together: ``phase.NAME``.

    Raises:  ValueError as ``define``.
    """
    for key, english in sentences.items():
        define(key, english)


THEN = define("sentence.then", "{first}; {then}")


def joined(*said: Text) -> Text:
    """Return several sentences as one; empty ones are left out."""
    whole: Text = ""
    for one in said:
        whole = THEN(first=whole, then=one) if whole and one else whole or one
    return whole


def parts(said: Text | None) -> tuple[Text, ...]:
    """Return the sentences that were joined to this one; itself where it is a single one."""
    if isinstance(said, Message) and said.key == THEN.key:
        return tuple(part for _, value in said.values if isinstance(value, (str, Message)) for part in parts(value))
    return (said,) if said else ()


def has(said: Text | None, *sentences: Sentence) -> bool:
    """Whether one of these sentences is said in it."""
    keys = {sentence.key for sentence in sentences}
    return any(isinstance(part, Message) and part.key in keys for part in parts(said))


def as_fields(said: Text) -> dict[str, Any]:
    """Return the fields of an event (``Noted``, ``ActionTaken``) that says this: a sentence, or a quotation."""
    return {"text": "", "message": said} if isinstance(said, Message) else {"text": said, "message": None}


# What a person whose command failed can be sure of.
NOTHING_STARTED = define("safe.nothing-started", "Nothing was started.")
NOTHING_CHANGED = define("safe.nothing-changed", "Nothing was changed.")
NOTHING_TOUCHED = define("safe.nothing-touched", "Nothing was touched.")
NOTHING_OVERWRITTEN = define("safe.nothing-overwritten", "Nothing was overwritten.")
NO_TRAINING_TOUCHED = define("safe.no-training-touched", "No training was started or touched.")
