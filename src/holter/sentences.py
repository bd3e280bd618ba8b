"""Keys of sentences and their English wording, defined beside the code that uses them.

A sentence is defined once, as a module-level constant, and called with the values of its blanks::

    NO_PROGRESS = define("stall.no-progress", "no progress for {age:duration}")
    reason = NO_PROGRESS(age=12.5)

What comes of it is a ``Message``: data that goes to the tape, is compared, and is rendered in any language by
``reports``. Values are in base units (seconds, bytes, ratios); the blank says how they are shown: ``duration``,
``bytes``, ``percent``, ``.2f``. Code never reads a rendered sentence.
"""

from __future__ import annotations

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


def define(key: str, english: str) -> Sentence:
    """Make a sentence known.

    Raises:  ValueError if the key stands for another sentence already.
    """
    if ENGLISH.setdefault(key, english) != english:
        raise ValueError(f"{key} is defined twice, with different words")
    return Sentence(key, english)
