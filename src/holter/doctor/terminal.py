"""Formats an examination and a comparison for the terminal and as JSON."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from string import Formatter
from typing import Any

import msgspec
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text as Line

from holter.doctor.checks import GROUPS, name_of
from holter.doctor.compare import SCHEMA, UNSET
from holter.doctor.records import Asked, Difference, Examination, Result, State, Survey
from holter.records import Text, Value
from holter.reports.catalogue import Lang, english, filled, known, phrase, text
from holter.reports.outcome.sentences import VERDICT
from holter.reports.wrapping import wrap
from holter.sentences import define

TRAINING = define("doctor.subject.fold", "{dataset} {configuration} fold {fold}")

SIGNS: dict[State, tuple[str, str]] = {
    "go": ("✓", "green"),
    "warn": ("!", "yellow"),
    "no-go": ("✗", "bold red"),
    "unknown": ("?", "cyan"),
    "not-applicable": ("-", "dim"),
}
STYLE_OF_VERDICT = {"go": "bold green", "warn": "bold yellow", "no-go": "bold red"}
# Replacements for the signs if the output's encoding does not have them.
PLAIN = str.maketrans({"✓": "+", "✗": "x", "→": ">", "–": "-", "…": "."})
TITLE_CELLS = 22
WIDEST = 110


def sentence(result: Result, lang: Lang) -> str:
    """Return what the check found."""
    return text(_key(result), lang, **_values(result, lang))


def advice(result: Result, lang: Lang) -> str | None:
    """Return the one change to make; None if there is none."""
    key = f"{_key(result)}.do"
    return text(key, lang, **_values(result, lang)) if known(key) else None


def _key(result: Result) -> str:
    own = f"doctor.{result.check}.{result.variant}"
    return own if known(own) else f"doctor.any.{result.variant}"


def _values(result: Result, lang: Lang) -> dict[str, Value]:
    # Reasons of Holter have a sentence; those of the system are quoted unchanged.
    return {
        name: text(f"doctor.why.{value}", lang) if name == "why" and known(f"doctor.why.{value}") else value
        for name, value in result.values
    }


def _shown_values(result: Result) -> dict[str, str]:
    # As the English sentence shows them, so that every value is a string.
    sentences = f"{english(_key(result)) or ''}{english(f'{_key(result)}.do') or ''}"
    blanks = {
        name: f"{{{name}{f':{spec}' if spec else ''}}}" for _, name, spec, _ in Formatter().parse(sentences) if name
    }
    return {name: filled(blanks.get(name, f"{{{name}}}"), "en", **{name: value}) for name, value in result.values}


def as_json(examination: Examination, lang: Lang) -> dict[str, Any]:
    """Return the report as one object; ``--compare`` reads its ``survey``."""
    groups = {name_of(check): group for group, checks in GROUPS for check in checks}
    return {
        "schema": SCHEMA,
        "verdict": examination.verdict,
        "exit_code": examination.exit_code,
        "counts": counts(examination),
        "checks": [
            {
                "check": result.check,
                "group": groups[result.check],
                "state": result.state,
                "variant": result.variant,
                "text": sentence(result, lang),
                "change": advice(result, lang),
                "setting": result.setting,
                "values": _shown_values(result),
            }
            for result in examination.results
        ],
        "survey": msgspec.to_builtins(examination.survey),
    }


def counts(examination: Examination) -> dict[str, int]:
    """Return the number of checks in each state."""
    return {state: sum(result.state == state for result in examination.results) for state in SIGNS}


def print_examination(console: Console, examination: Examination, lang: Lang, *, everything: bool = False) -> None:
    """Print the verdict, what to change, the groups with something to say, one line for the rest, the verdict again.

    ``everything``: print all groups and checks, also those that do not apply.
    """
    width = min(console.width, WIDEST)
    _say(console, headline(examination, lang), style=STYLE_OF_VERDICT[examination.verdict], width=width)
    _say(console, subject(examination.survey, lang), style="dim", width=width)
    _say(console, summary(examination, lang), style="dim", width=width)
    problems = [result for state in ("no-go", "warn") for result in examination.results if result.state == state]
    if problems:
        console.print()
        _say(console, text("doctor.heading.change", lang), style="bold", width=width)
        for number, result in enumerate(problems, start=1):
            _print_problem(console, number, result, lang, width)
    by_check = {result.check: result for result in examination.results}
    fine: list[tuple[str, int]] = []
    for group, checks in GROUPS:
        if group == "gpu" and examination.survey.asked.device == "cpu" and not everything:
            continue
        results = [by_check[name_of(check)] for check in checks]
        shown = [result for result in results if everything or result.state != "not-applicable"]
        title = text(f"doctor.group.{group}", lang)
        if shown and not everything and all(result.state == "go" for result in shown):
            fine.append((title, len(shown)))
            continue
        if shown:
            console.print()
            _say(console, title, style="bold", width=width)
        for result in shown:
            _print_line(console, result, lang, width)
    if fine:
        console.print()
        names = text("list.join", lang).join(name for name, _ in fine)
        rest = text("doctor.rest", lang, groups=names, checks=sum(count for _, count in fine))
        _say(console, rest, style="dim", width=width)
    console.print()
    console.print(Line(_printable(console, closing(examination, lang)), style="bold"), soft_wrap=True, highlight=False)


def closing(examination: Examination, lang: Lang) -> str:
    """Return the last line: the verdict and the next command."""
    problems = [result for result in examination.results if result.state == examination.verdict]
    first = _title(problems[0], lang) if examination.verdict != "go" and problems else ""
    asked = examination.survey.asked
    settings = [result.setting for result in problems if result.setting] if examination.verdict != "go" else []
    command = settings[0] if settings else None
    if examination.verdict == "go":
        words = (asked.dataset, asked.configuration, asked.fold)
        command = f"holter train {shlex.join(words)}" if None not in words else "holter doctor DATASET CONFIGURATION"  # type: ignore[arg-type]
    what = text(f"doctor.verdict.{examination.verdict}", lang, first=first)
    return phrase(VERDICT(what=what, command=command), lang)


def headline(examination: Examination, lang: Lang) -> str:
    """Return one sentence: go, or the first problem."""
    first = next((result for result in examination.results if result.state == examination.verdict), None)
    if examination.verdict == "go" or first is None:
        variant = "go-with-unknowns" if counts(examination)["unknown"] else "go"
        return text(f"doctor.headline.{variant}", lang)
    return text(f"doctor.headline.{examination.verdict}", lang, title=_title(first, lang))


def subject(survey: Survey, lang: Lang) -> str:
    """Return what was examined, and for how long."""
    asked = survey.asked
    took_s = round(survey.took_s or 0)
    if asked.dataset is None:
        return text("doctor.subject.machine", lang, took=took_s)
    return text("doctor.subject.training", lang, training=_training(asked), took=took_s)


def _training(asked: Asked) -> Text:
    if asked.configuration is None:
        return asked.dataset or ""
    return TRAINING(dataset=asked.dataset, configuration=asked.configuration, fold=asked.fold)


def summary(examination: Examination, lang: Lang) -> str:
    """Return the number of checks in each state as a sentence."""
    number = counts(examination)
    parts = [text(f"doctor.count.{state}", lang, count=number[state]) for state in SIGNS if number[state]]
    return text("list.join", lang).join(parts)


def _title(result: Result, lang: Lang) -> str:
    return text(f"doctor.{result.check}.title", lang)


def _print_problem(console: Console, number: int, result: Result, lang: Lang, width: int) -> None:
    _, style = SIGNS[result.state]
    state = text(f"doctor.state.{result.state}", lang)
    _say(console, f"{number}. {_title(result, lang)} – {state}", style=style, indent=1, width=width)
    _say(console, sentence(result, lang), indent=4, width=width)
    change = advice(result, lang)
    if change is not None:
        _say(console, f"→ {change}", indent=4, hanging=2, width=width)
    if result.setting is not None:
        console.print(Line(_printable(console, f"      $ {result.setting}"), style="cyan"), soft_wrap=True)


def _print_line(console: Console, result: Result, lang: Lang, width: int) -> None:
    sign, style = SIGNS[result.state]
    title = _title(result, lang)
    columns = width - 5 - TITLE_CELLS
    wrapped = wrap(_brief(result, lang), columns)
    line = Line("  ")
    line.append(sign, style)
    padding = " " * max(1, TITLE_CELLS + 1 - cell_len(title))
    line.append(f" {title}{padding}", "" if result.state != "not-applicable" else "dim")
    line.append(wrapped[0], "dim" if result.state in ("go", "not-applicable") else "")
    _put(console, line)
    for more in wrapped[1:]:
        rest = Line(" " * (5 + TITLE_CELLS))
        rest.append(more, "dim" if result.state in ("go", "not-applicable") else "")
        _put(console, rest)


def _brief(result: Result, lang: Lang) -> str:
    # Problems were already described in full above.
    if result.state in ("warn", "no-go"):
        return text("doctor.above", lang, state=text(f"doctor.state.{result.state}", lang))
    return sentence(result, lang)


def print_comparison(console: Console, names: tuple[str, str], differences: Sequence[Difference], lang: Lang) -> None:
    """Print one row per difference, the most telling first."""
    width = min(console.width, WIDEST)
    checks = [difference for difference in differences if difference.fact.startswith("check.")]
    facts = [difference for difference in differences if not difference.fact.startswith("check.")]
    for heading, rows in (("checks", checks), ("facts", facts)):
        if rows:
            _say(console, text(f"doctor.compare.{heading}", lang), style="bold", width=width)
            for line in _rows(names, rows, lang, width):
                _put(console, line)
            console.print()
    key = "doctor.compare.differ" if checks else "doctor.compare.differ-in-facts" if facts else "doctor.compare.same"
    verdict = VERDICT(what=text(key, lang, checks=len(checks), facts=len(facts)))
    _put(console, Line(phrase(verdict, lang), style="bold" if differences else "bold green"))


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


def _say(
    console: Console, message: str, *, style: str = "", indent: int = 0, hanging: int = 0, width: int = WIDEST
) -> None:
    for number, line in enumerate(wrap(message, width - indent - hanging)):
        _put(console, Line(" " * (indent + (hanging if number else 0)) + line, style=style))


def _put(console: Console, line: Line) -> None:
    plain = _printable(console, line.plain)
    if plain != line.plain:
        line = Line(plain)
    console.print(line, soft_wrap=True, highlight=False)


def _printable(console: Console, message: str) -> str:
    try:
        message.encode(console.encoding)
    except UnicodeEncodeError:
        return message.translate(PLAIN)
    return message
