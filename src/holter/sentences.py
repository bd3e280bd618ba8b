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
from typing import NamedTuple

from holter.records import Message, Value


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
