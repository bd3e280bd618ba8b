"""Formats an examination for the terminal and as JSON."""

from __future__ import annotations

import shlex
from string import Formatter
from typing import Any

import msgspec
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text as Line

from holter.doctor.checks import GROUPS, name_of
from holter.doctor.compare import SCHEMA
from holter.doctor.records import Asked, Examination, Result, State, Survey
from holter.records import Message, Text, Value
from holter.reports.catalogue import Lang, english, filled, known, phrase, text
from holter.reports.outcome.sentences import VERDICT
from holter.reports.runs.line import print_line
from holter.reports.wrapping import wrap
from holter.sentences import define

TRAINING = define("doctor.subject.fold", "{dataset} {configuration} fold {fold}")

GO_LINE = define("doctor.prolog-go", "go, in {seconds:.1f} s[[; but {what}]][[ (and {more} more)]]")
NO_LOOK_LINE = define("doctor.prolog-no-look", "not looked at: {what}")
NO_GO_LINE = define("doctor.prolog-no-go", "no-go: {what}[[ (and {more} more)]]")

SIGNS: dict[State, tuple[str, str]] = {
    "go": ("✓", "green"),
    "warn": ("!", "yellow"),
    "no-go": ("✗", "bold red"),
    "unknown": ("?", "cyan"),
    "not-applicable": ("-", "dim"),
}
STYLE_OF_VERDICT = {"go": "bold green", "warn": "bold yellow", "no-go": "bold red"}
TITLE_CELLS = 22
WIDEST = 110


def sentence(result: Result, lang: Lang) -> str:
    """Return what the check found."""
    return text(_key(result), lang, **_values(result, lang))


def advice(result: Result, lang: Lang) -> str | None:
    """Return the one change to make; None if there is none."""
    key = f"{_key(result)}.do"
    return text(key, lang, **_values(result, lang)) if known(key) else None


def in_one_line(examination: Examination, lang: Lang) -> Message:
    """Return the verdict with the first thing that is wrong, for the log of a job."""
    wrong = [result for state in ("no-go", "warn") for result in examination.results if result.state == state]
    said = sentence(wrong[0], lang) if wrong else None
    more = len(wrong) - 1 if len(wrong) > 1 else None
    if examination.verdict == "no-go":
        return NO_GO_LINE(what=said, more=more)
    return GO_LINE(seconds=examination.survey.took_s, what=said, more=more)


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
    """Print the verdict, what to change, the groups with a result worth reading, one line for the rest, the verdict.

    ``everything``: print all groups and checks, also those that do not apply.
    """
    width = min(console.width, WIDEST)
    say(console, headline(examination, lang), style=STYLE_OF_VERDICT[examination.verdict], width=width)
    say(console, subject(examination.survey, lang), style="dim", width=width)
    say(console, summary(examination, lang), style="dim", width=width)
    problems = [result for state in ("no-go", "warn") for result in examination.results if result.state == state]
    if problems:
        console.print()
        say(console, text("doctor.heading.change", lang), style="bold", width=width)
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
            say(console, title, style="bold", width=width)
        for result in shown:
            _print_line(console, result, lang, width)
    if fine:
        console.print()
        names = text("list.join", lang).join(name for name, _ in fine)
        rest = text("doctor.rest", lang, groups=names, checks=sum(count for _, count in fine))
        say(console, rest, style="dim", width=width)
    console.print()
    print_line(console, Line(closing(examination, lang), style="bold"))


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
    """Return a sentence on what was examined, and how long it took."""
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
    say(console, f"{number}. {_title(result, lang)} – {state}", style=style, indent=1, width=width)
    say(console, sentence(result, lang), indent=4, width=width)
    change = advice(result, lang)
    if change is not None:
        say(console, f"→ {change}", indent=4, hanging=2, width=width)
    if result.setting is not None:
        print_line(console, Line(f"      $ {result.setting}", style="cyan"))


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
    print_line(console, line)
    for more in wrapped[1:]:
        rest = Line(" " * (5 + TITLE_CELLS))
        rest.append(more, "dim" if result.state in ("go", "not-applicable") else "")
        print_line(console, rest)


def _brief(result: Result, lang: Lang) -> str:
    # Problems were already described in full above.
    if result.state in ("warn", "no-go"):
        return text("doctor.above", lang, state=text(f"doctor.state.{result.state}", lang))
    return sentence(result, lang)


def say(
    console: Console, message: str, *, style: str = "", indent: int = 0, hanging: int = 0, width: int = WIDEST
) -> None:
    """Print a text, broken into lines; ``hanging``: by how much more all lines but the first are indented."""
    for number, line in enumerate(wrap(message, width - indent - hanging)):
        print_line(console, Line(" " * (indent + (hanging if number else 0)) + line, style=style))
