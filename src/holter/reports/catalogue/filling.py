"""Fill the blanks of sentences: ``{age:duration}`` and others, in readable units."""

from __future__ import annotations

import os
import re
import string
from collections.abc import Callable, Mapping
from typing import Any

from holter.patterns import later
from holter.reports.catalogue.leaving_out import without
from holter.sizes import format_bytes, format_number

# Set in tests: a missing value is then an error.
STRICT = "HOLTER_STRICT_SENTENCES"
# Below this a duration has one decimal: "0.4 s" is more exact than "0 s".
SHORT_S = 10.0
UNIT_FORMATS = ("duration", "seconds", "bytes", "percent", "ms", "cpus")
# First words that keep their capital in the middle of a sentence.
PROPER_NAMES = ("Windows", "Python", "PyTorch", "Slurm", "Holter", "Linux")
# Left out if a blank in it has no value; or the first of several wordings whose blanks all have one.
_OPTIONAL = later(r"\[\[(.*?)\]\]")


class MissingValue(KeyError):
    """A sentence was filled without one of its values."""


class Filler(string.Formatter):
    """Fills one sentence. ``unit``: the text of ``duration.s`` and the other units in the sentence's language."""

    def __init__(self, unit: Callable[..., str], *, lowers: bool = True) -> None:
        """``lowers``: a sentence that continues another one begins in lower case."""
        self._unit = unit
        self._lowers = lowers

    def fill(self, template: str, values: Mapping[str, object]) -> str:
        """Return the sentence with its blanks filled; clauses whose value is missing are left out.

        If nothing would remain, the sentence is kept, with "unknown" for the missing values.

        Raises:  MissingValue in tests, if a value is missing.
        """
        given = {name: value for name, value in values.items() if value is not None}
        template = chosen(template, set(given))
        missing = blanks(template) - set(given)
        if missing and os.environ.get(STRICT):
            raise MissingValue(f"{template!r} lacks {', '.join(sorted(missing))}")
        if missing:
            template = without(template, missing, self._unit("value.unknown"))
        return self.vformat(template, (), given)

    def format_field(self, value: Any, format_spec: str) -> str:
        """Return a value in the format that the blank names; a text (in older tapes) is returned unchanged."""
        if format_spec == "clause":
            return clause(str(value), lowers=self._lowers)
        if isinstance(value, str) and format_spec in UNIT_FORMATS:
            return self._old(value, format_spec)
        if format_spec == "duration":
            return duration(float(value), self._unit)
        if format_spec == "seconds":
            return self._unit("duration.s", s=format_number(value))
        if format_spec == "bytes":
            return format_bytes(float(value))
        if format_spec == "percent":
            return f"{100 * float(value):.0f}"
        if format_spec == "ms":
            return format_number(1000 * float(value))
        if format_spec == "cpus":
            return self._unit("unit.cpus", count=1 if value == 1 else 2, number=f"{value:g}")
        said = str(super().format_field(value, format_spec))
        # "{times:.2g}" writes 140 as 1.4e+02.
        return format_number(float(value)) if format_spec.endswith("g") and "e" in said else said

    def _old(self, value: str, format_spec: str) -> str:
        number = _number(value) if format_spec in ("duration", "seconds", "cpus") else None
        return value if number is None else self.format_field(number, format_spec)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def clause(sentence: str, *, lowers: bool = True) -> str:
    """Return a sentence in the form for use inside another one: no full stop, no capital letter at the start.

    ``lowers``: if False, the capital letter stays. A proper name or an abbreviation at the start keeps it in any case.
    """
    sentence = sentence.rstrip(".。")
    first = sentence.split(" ", 1)[0]
    keeps = not lowers or first[1:2].isupper() or first in PROPER_NAMES
    return sentence if keeps else sentence[:1].lower() + sentence[1:]


def blanks(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def chosen(template: str, given: set[str]) -> str:
    """Return a sentence in which each ``[[one wording|another]]`` is replaced by the first that can be filled.

    ``given``: the names of the blanks that have a value. A wording without blanks can always be filled. If none can be
    filled, the whole bracket is left out.
    """

    def first(match: re.Match[str]) -> str:
        return next((wording for wording in match[1].split("|") if blanks(wording) <= given), "")

    return _OPTIONAL.sub(first, template)


def duration(seconds: float, unit: Callable[..., str]) -> str:
    """Return a duration in readable units: "0.4 s", "41 s", "3 min 20 s", "2 h 5 min".

    ``unit``: called with a key, such as ``duration.min``, and its numbers; returns the text in the reader's language.
    """
    if seconds < SHORT_S and round(seconds, 1) != round(seconds):
        return unit("duration.s", s=f"{seconds:.1f}")
    whole = round(seconds)
    if whole < 60:
        return unit("duration.s", s=whole)
    if whole < 3600:
        return unit("duration.min", min=whole // 60, s=whole % 60)
    return unit("duration.h", h=whole // 3600, min=whole % 3600 // 60)
