"""Constructors of results, and formats of numbers."""

from __future__ import annotations

from typing import cast

from holter.doctor.records import Result, State
from holter.records import Text, Value


def result(state: State, check: str, variant: str, /, *, setting: object = None, **values: object) -> Result:
    """Return the result of a check. ``values``: numbers and words for its sentence, in base units; None is left out.

    ``variant``: which of the check's sentences is used. ``setting``: a command for the user to type.
    """
    given = tuple((name, cast("Value", value)) for name, value in values.items() if value is not None)
    return Result(
        check=check, state=state, variant=variant, values=given, setting=None if setting is None else str(setting)
    )


def go(check: str, variant: str = "go", /, **values: object) -> Result:
    """Return a result for a check that passed. ``values``: numbers and words for its sentence, in base units."""
    return result("go", check, variant, **values)


def unknown(check: str, why: Text | None) -> Result:
    """Return the result of a check that cannot be made here, with the reason. It does not count as passed."""
    return result("unknown", check, "unknown", why=why or "not-read")


def not_applicable(check: str, variant: str) -> Result:
    return result("not-applicable", check, variant)


def number(value: float) -> str:
    """Format a number with at most one decimal."""
    return f"{value:.1f}".removesuffix(".0")
