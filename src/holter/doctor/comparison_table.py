"""Formats the comparison of two examinations for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text as Line

from holter.doctor.compare import UNSET
from holter.doctor.records import Difference
from holter.doctor.terminal import TITLE_CELLS, WIDEST, say, sentence
from holter.reports.catalogue import Lang, known, phrase, text
from holter.reports.outcome.sentences import VERDICT
from holter.reports.runs.line import print_line
from holter.reports.wrapping import wrap


def print_comparison(console: Console, names: tuple[str, str], differences: Sequence[Difference], lang: Lang) -> None:
    """Print one row per difference, the most important first."""
    width = min(console.width, WIDEST)
    checks = [difference for difference in differences if difference.fact.startswith("check.")]
    facts = [difference for difference in differences if not difference.fact.startswith("check.")]
    for heading, rows in (("checks", checks), ("facts", facts)):
        if rows:
            say(console, text(f"doctor.compare.{heading}", lang), style="bold", width=width)
            for line in _rows(names, rows, lang, width):
                print_line(console, line)
            console.print()
    key = "doctor.compare.differ" if checks else "doctor.compare.differ-in-facts" if facts else "doctor.compare.same"
    verdict = VERDICT(what=text(key, lang, checks=len(checks), facts=len(facts)))
    print_line(console, Line(phrase(verdict, lang), style="bold" if differences else "bold green"))


def fact_title(difference: Difference, lang: Lang) -> str:
    """Return the name of what differs."""
    kind, _, name = difference.fact.partition(".")
    if kind == "check":
        return text(f"doctor.{name}.title", lang)
    key = f"doctor.fact.{difference.fact}"
    return text(key, lang) if known(key) else name


def _rows(names: tuple[str, str], rows: Sequence[Difference], lang: Lang, width: int) -> Iterator[Line]:
    column = max(12, (width - TITLE_CELLS - 4) // 2)
    yield from _row(("", *names), column, ("bold", "bold"))
    for difference in rows:
        cells = (
            fact_title(difference, lang),
            _value_text(difference, difference.first, lang),
            _value_text(difference, difference.second, lang),
        )
        styles = ("yellow" if difference.worse == "first" else "", "yellow" if difference.worse == "second" else "")
        yield from _row(cells, column, styles)
        for line in wrap(sentence(difference.result, lang), width - 6) if difference.result is not None else ():
            yield Line(f"      {line}", style="dim")


def _row(cells: tuple[str, str, str], column: int, styles: tuple[str, str]) -> Iterator[Line]:
    head, left, right = wrap(cells[0], TITLE_CELLS), wrap(cells[1], column - 2), wrap(cells[2], column - 2)
    for number in range(max(len(left), len(right), len(head))):
        line = Line("  ")
        line.append(_cell(head, number, TITLE_CELLS + 2))
        line.append(_cell(left, number, column), styles[0])
        line.append(_cell(right, number, column), styles[1])
        line.rstrip()
        yield line


def _cell(lines: Sequence[str], number: int, width: int) -> str:
    content = lines[number] if number < len(lines) else ""
    return content + " " * max(0, width - cell_len(content))


def _value_text(difference: Difference, value: str, lang: Lang) -> str:
    if difference.fact.startswith("check."):
        return text(f"doctor.state.{value}", lang)
    if difference.fact.startswith("setting.") and value == UNSET:
        return text("doctor.compare.unset", lang)
    return value or text("doctor.compare.unknown", lang)
