"""Next checks, and notes on what was read of a target, as terminal lines."""

from __future__ import annotations

from collections.abc import Iterator

from holter.records import Diagnosis, Environment, Message
from holter.remedies.next_checks import next_checks
from holter.reports.catalogue import Lang, phrase, text
from holter.reports.wrapping import Line


def next_check_lines(diagnosis: Diagnosis, environment: Environment | None, lang: Lang) -> Iterator[Line]:
    """Yield each command with the question that it answers."""
    for number, check in enumerate(next_checks(diagnosis, environment), start=1):
        yield Line(text(f"look.{check.id}", lang), indent=2, sign=f"{number}.", sign_style="cyan")
        yield Line(check.command, indent=7, style="bold", command=True)


def notes(messages: tuple[Message, ...], lang: Lang) -> Iterator[Line]:
    """Yield one line per note."""
    for message in messages:
        yield Line(phrase(message, lang), indent=2, sign="·")
