"""Next checks, and notes on what was read of a target, as terminal lines and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from holter.records import Diagnosis, Environment, Message
from holter.remedies.next_checks import next_looks
from holter.reports.catalogue import Lang, phrase, text
from holter.reports.lines import Line


def looks(diagnosis: Diagnosis, environment: Environment | None, lang: Lang) -> Iterator[Line]:
    """Yield each command with the question that it answers."""
    for number, one in enumerate(next_looks(diagnosis, environment), start=1):
        yield Line(text(f"look.{one.id}", lang), indent=2, sign=f"{number}.", sign_style="cyan")
        yield Line(one.command, indent=7, style="bold", command=True)


def looks_as_json(diagnosis: Diagnosis, environment: Environment | None, lang: Lang) -> list[dict[str, Any]]:
    """Return the same as JSON objects."""
    return [
        {"id": one.id, "text": text(f"look.{one.id}", lang), "command": one.command, "facts": list(one.facts)}
        for one in next_looks(diagnosis, environment)
    ]


def notes(told: tuple[Message, ...], lang: Lang) -> Iterator[Line]:
    """Yield one line per note."""
    for one in told:
        yield Line(phrase(one, lang), indent=2, sign="·")
