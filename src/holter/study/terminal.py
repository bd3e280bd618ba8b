"""A study on a terminal."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from holter.records import Message
from holter.reports.catalogue import Lang, phrase, text
from holter.reports.outcome.sentences import VERDICT
from holter.reports.runs.line import print_line
from holter.sentences import define
from holter.study.cascade import trouble_of
from holter.study.finish import Step
from holter.study.plan import command_of, counted, hours_left, in_order, published_hours, remarks
from holter.study.records import Cell, State, lost_by_cause
from holter.study.report.as_json import ends_at, local
from holter.study.requirements import Requirements, sentences_of
from holter.study.sentences import how_far, name_of, named_causes
from holter.study.state.changed_plans import changed_plans
from holter.study.state.holders import may_have_ended
from holter.study.state.time_limit import SLOT_ENDS, at_limit

SIGN: dict[State, tuple[str, str]] = {
    "done": ("✓", "green"),
    "running": ("▶", "bold green"),
    "unfinished": ("…", "yellow"),
    "missing": ("·", "dim"),
    "broken": ("✗", "bold red"),
    "blocked": ("-", "dim"),
}
COMMANDS = define("study.commands", "Commands, in this order:")
COMMAND_LATER = define("study.command-later", "{command}   # later: {why}")
ON_RUN = define("study.next-run", "Next: {command}")
ENDS = define("study.ends", "ends {at}")
INCIDENTS = define("study.incidents", "{count} incidents", one="{count} incident")
LOST = define("study.lost", "{lost:duration} lost[[ ({causes})]]")
LOST_IN_ALL = define("study.lost-in-all", "{lost:duration} lost in all[[: {causes}]]")
EPOCH_TAKES = define("study.epoch-takes", "{epoch:duration}/ep")
CALLS = define("study.calls", "{count} calls", one="{count} call")
STATE_OF = define("study.state-of", "{state}[[, {epochs}]]")


def print_plan(
    console: Console,
    cells: Sequence[Cell],
    extra: Sequence[str],
    lang: Lang,
    *,
    needs: Requirements | None = None,
    run: str | None = None,
) -> None:
    """Print the state of each fold, the reasons, the commands, the requirements and the hours.

    ``extra``: options for each ``nnUNetv2_train``. ``run``: the command that would start the study.
    """
    print_matrix(console, cells)
    _print_reasons(console, cells, lang)
    todo = in_order(cells)
    if todo:
        print_line(console, Text(f"\n{text(COMMANDS.key, lang)}"))
    for cell in todo:
        command = command_of(cell, extra)
        if cell.state == "blocked":
            command = phrase(COMMAND_LATER(command=command, why=cell.why), lang)
        print_line(console, Text(f"  {command}"))
    trouble = trouble_of(cells)
    for warning in (*changed_plans(cells), *(() if trouble is None else (trouble.what,))):
        print_line(console, Text(phrase(warning, lang), style="yellow"))
    for remark in remarks(cells, extra):
        print_line(console, Text(phrase(remark, lang), style="dim"))
    print_line(console, Text(f"\n{phrase(counted(cells), lang)}", style="bold"))
    hours = hours_left(cells)
    for words in (*([] if hours is None else [hours]), *published_hours(cells), *sentences_of(needs)):
        print_line(console, Text(phrase(words, lang)))
    if run is not None and any(cell.state in ("missing", "unfinished", "blocked") for cell in cells):
        print_line(console, Text(phrase(ON_RUN(command=run if trouble is None else trouble.next_step), lang)))


def print_matrix(console: Console, cells: Sequence[Cell]) -> None:
    """Print one line per configuration, with one character for the state of each fold."""
    families = list(dict.fromkeys(cell.job.family for cell in cells))
    width = max(cell_len(" · ".join(family)) for family in families) if families else 0
    for family in families:
        name = " · ".join(family)
        line = Text(name + " " * (width - cell_len(name)))
        for cell in cells:
            if cell.job.family == family:
                sign, style = SIGN[cell.state]
                line.append(f"  {cell.job.fold}").append(sign, style=style)
        print_line(console, line)


class Commands(NamedTuple):
    """What may be typed after ``study status``."""

    run: str
    finish: str
    watch: str


def print_status(
    console: Console, cells: Sequence[Cell], lang: Lang, now_s: float, commands: Commands | None = None
) -> None:
    """Print a row for each training, then how many are in which state, and the next command. ``now_s``: Unix time."""
    rows = [_row(cell, lang, now_s) for cell in cells]
    widths = [max((cell_len(row[column]) for row in rows), default=0) for column in range(3)]
    for cell, row in zip(cells, rows, strict=True):
        sign, style = SIGN[cell.state]
        line = Text(f"{sign} ", style=style)
        for column, width in enumerate(widths):
            line.append(row[column] + " " * (width - cell_len(row[column]) + 2), style="bold" if not column else "")
        line.append(row[3], style="dim")
        line.rstrip()
        print_line(console, line)
        for message in _words(cell, now_s):
            print_line(console, Text(f"    {phrase(message, lang)}", style="yellow"))
    lost_s = sum(cell.lost_s or 0.0 for cell in cells)
    if lost_s and len(cells) > 1:
        causes = named_causes(lost_by_cause(cells).most_common())
        print_line(console, Text(phrase(LOST_IN_ALL(lost=lost_s, causes=causes), lang)))
    verdict = VERDICT(what=counted(cells), command=None if commands is None else _next(cells, commands))
    print_line(console, Text(phrase(verdict, lang), style="bold"))


def _next(cells: Sequence[Cell], commands: Commands) -> str:
    broken = next((cell.tape for cell in cells if cell.state == "broken" and cell.tape is not None), None)
    if broken is not None:
        return f"holter diagnose {shlex.quote(broken)}"
    if any(cell.state == "running" for cell in cells):
        return commands.watch
    return commands.finish if all(cell.state == "done" for cell in cells) else commands.run


def _row(cell: Cell, lang: Lang, now_s: float) -> tuple[str, str, str, str]:
    far, ends_s = how_far(cell), ends_at(cell, now_s)
    state = phrase(STATE_OF(state=text(f"study.state.{cell.state}", lang), epochs=far), lang)
    when = "" if ends_s is None else phrase(ENDS(at=local(ends_s).strftime("%Y-%m-%d %H:%M")), lang)
    facts = []
    if cell.epoch_s is not None:
        facts.append(phrase(EPOCH_TAKES(epoch=cell.epoch_s), lang))
    if cell.incidents:
        facts.append(phrase(INCIDENTS(count=cell.incidents), lang))
    if cell.lost_s:
        facts.append(phrase(LOST(lost=cell.lost_s, causes=named_causes(cell.lost_by_cause, 2)), lang))
    if cell.calls > 1:
        facts.append(phrase(CALLS(count=cell.calls), lang))
    return phrase(name_of(cell.job), lang), state, when, " · ".join(facts)


def _words(cell: Cell, now_s: float) -> list[Message]:
    limit = at_limit(cell, now_s)
    slot = None if limit is None else SLOT_ENDS(epoch=limit.epoch, count=limit.more)
    # Of a running one: only what may be wrong with it.
    why = None if cell.state == "running" and not may_have_ended(cell) else cell.why
    return [message for message in (why, slot, cell.odd) if message is not None]


def _print_reasons(console: Console, cells: Sequence[Cell], lang: Lang) -> None:
    for cell in cells:
        far = how_far(cell) if cell.state in ("running", "unfinished") else None
        said = [message for message in (far, cell.why, cell.odd) if message is not None]
        if said and cell.state not in ("done", "blocked"):
            sign, style = SIGN[cell.state]
            words = "; ".join(phrase(message, lang) for message in said)
            print_line(console, Text(f"{sign} ", style=style).append(f"{phrase(name_of(cell.job), lang)}: {words}"))


def print_finish(console: Console, steps: Sequence[Step], lang: Lang, wrote: Path | None = None) -> None:
    """Print the next steps after a study, with their commands. ``wrote``: the file of a report that was written."""
    for what, commands in steps:
        print_line(console, Text(phrase(what, lang), style="bold"))
        for command in commands:
            print_line(console, Text(f"  {command}"))
    if wrote is not None:
        print_line(console, Text(text("cli.wrote", lang, path=str(wrote))))
