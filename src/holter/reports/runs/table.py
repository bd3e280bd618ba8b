"""The rows of ``holter list`` on a terminal: one line per training, with its result and its tape."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

import msgspec
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from holter.errors import TapeError
from holter.records import Message
from holter.reports.catalogue import Lang, phrase, text
from holter.reports.outcome.sentences import FOLD, VERDICT
from holter.reports.runs.line import print_line
from holter.reports.runs.rows import Row, moment_of
from holter.reports.when import duration
from holter.reports.wrapping import wrap
from holter.sentences import define
from holter.texts.training_command import USUAL_TRAINER

# Older ones are counted.
MOST_ROWS = 15
# So many files that cannot be read are named.
MOST_UNREAD = 3
# The training's name starts here: after sign, start and length ("23 h 59 min").
COLUMN = {"en": 32, "zh": 34}
# In fewer columns beside it the fold would be cut off: then the name has lines of its own.
LEAST_BESIDE = 24
SIGN = {"running": ("▶", "bold green"), "good": ("✓", "green"), "bad": ("✗", "bold red"), "unknown": ("?", "yellow")}
# What ended badly longer ago is history: somebody has looked at it, or nobody misses it.
ATTENTION_FOR = timedelta(days=7)
UNKNOWN = ("cut", "end-unseen", "nothing-trained")

NONE = define("list.none", "No training is recorded yet.")
NONE_HERE = define("list.none-here", "No tape in {folder}.")
NONE_TO_READ = define("list.none-to-read", "No tape in {folder} can be read.")
RECORD_ONE = "holter run -- nnUNetv2_train 4 3d_fullres 0"
ON_HOST = define("list.on-host", "{name} · {host}")
CALLS = define("list.calls", "{count} calls", one="{count} call")
TAPE_GONE = define("list.tape-gone", "the tape was moved, deleted or overwritten: {path}")
TAPE_SILENT = define("list.tape-silent", "the disk of the tape does not answer: {path}")
TAPE_ELSEWHERE = define("list.tape-elsewhere", "the tape is on {host}: {path}")
COUNTED = define("list.counted", "running: {running}, ended: {ended}[[, need attention: {attention}]]")
OLDER = define("list.older", "{count} older: holter list --all", one="{count} older: holter list --all")
NOT_LISTED = define("list.not-listed", "Not listed: {why}")
NOT_LISTED_EITHER = define(
    "list.not-listed-either",
    "{count} more files named *.holter cannot be read.",
    one="{count} more file named *.holter cannot be read.",
)


def print_rows(
    console: Console,
    rows: Sequence[Row],
    lang: Lang,
    *,
    folder: Path | None = None,
    everything: bool = False,
    unread: Sequence[TapeError] = (),
) -> None:
    """Print the rows, the running ones first, and at the end the counts and the next command.

    ``folder``: the folder whose tapes are listed; it is named if it has none. ``unread``: why files are not listed.
    """
    if not rows:
        _print_unread(console, unread, lang)
        none = NONE() if folder is None else (NONE_TO_READ if unread else NONE_HERE)(folder=str(folder))
        verdict_of_none = VERDICT(what=none, command=(unread[0].next_step or None) if unread else RECORD_ONE)
        console.print(phrase(verdict_of_none, lang), soft_wrap=True, highlight=False, markup=False)
        return
    shown = [row for number, row in enumerate(rows) if everything or row.runs or number < MOST_ROWS]
    for row in shown:
        _print_row(console, row, lang)
    hidden = len(rows) - len(shown)
    if hidden:
        print_line(console, Text(text(OLDER.key, lang, count=hidden), style="dim"))
    _print_unread(console, unread, lang)
    print_line(console, Text(phrase(verdict(rows, datetime.now(timezone.utc)), lang), style="bold"))


def _print_unread(console: Console, unread: Sequence[TapeError], lang: Lang) -> None:
    for error in unread[:MOST_UNREAD]:
        print_line(console, Text(phrase(NOT_LISTED(why=error.what), lang), style="yellow"))
    others = len(unread) - MOST_UNREAD
    if others > 0:
        print_line(console, Text(text(NOT_LISTED_EITHER.key, lang, count=others), style="yellow"))


def verdict(rows: Sequence[Row], now: datetime) -> Message:
    """Return how many runs are running, ended, and need attention, with the next command.

    The command diagnoses a run that needs attention, else watches a running one, else reports on the newest.
    """
    running = sum(row.runs for row in rows)
    bad = [row for row in rows if needs_attention(row, now)]
    there = [row for row in rows if row.tape_is == "there"]
    command = None
    if there:
        row = min(there, key=lambda row: row not in bad)  # the first of them: running, else newest
        verb = "diagnose" if row in bad else "top" if row.runs else "report"
        command = f"holter {verb} {shlex.quote(_from_here(Path(row.tape)))}"
    counted = COUNTED(running=running, ended=len(rows) - running, attention=len(bad) or None)
    return VERDICT(what=counted, command=command)


def needs_attention(row: Row, now: datetime) -> bool:
    """Return whether a run is bad, ended within a week, and its fold was not trained again since."""
    if _kind(row) != "bad" or row.runs:
        return _kind(row) == "bad"
    last = moment_of(row.ended or row.seen or row.started)
    return not row.superseded and (last is None or now - last <= ATTENTION_FOR)


def as_json(row: Row, lang: Lang) -> dict[str, object]:
    """Return a row for ``--json``: every field, and the headline as text."""
    fields: dict[str, object] = msgspec.to_builtins(row)
    every = {name: fields.get(name, getattr(row, name)) for name in row.__struct_fields__}
    return {**every, "headline": phrase(row.headline, lang), "earlier_tapes": list(row.earlier_tapes)}


def name_of(row: Row, lang: Lang) -> str:
    """Return the training's name: data set, configuration and fold, else its command or tape."""
    if row.dataset and row.configuration and row.fold is not None:
        trainer = row.trainer if row.trainer != USUAL_TRAINER else None
        return phrase(FOLD(dataset=row.dataset, configuration=row.configuration, fold=row.fold, trainer=trainer), lang)
    return row.command or Path(row.tape).stem


def _print_row(console: Console, row: Row, lang: Lang) -> None:
    column = COLUMN[lang]
    sign, style = SIGN[_kind(row)]
    start = moment_of(row.started)
    lasted = _lasted(row)
    when = start.strftime("%Y-%m-%d %H:%M") if start is not None else "?"
    left = f"{when}  {'' if lasted is None else _short(lasted, lang)}"
    first = Text().append(f"{sign} ", style=style).append(left + " " * max(1, column - 2 - cell_len(left)), style="dim")
    name = name_of(row, lang)
    whole = phrase(ON_HOST(name=name, host=row.host), lang) if row.host else name
    if row.calls > 1:
        whole += f" · {text(CALLS.key, lang, count=row.calls)}"
    width = console.width - column
    hang = column if width >= LEAST_BESIDE else 4
    if hang != column:
        first.rstrip()
        print_line(console, first)
        first, width = Text(" " * hang), console.width - hang
    lines = wrap(_cut(whole.replace("\n", " "), 2 * width), width)
    print_line(console, first.append(lines[0], style="bold"))
    for line in lines[1:]:
        print_line(console, Text(" " * hang + line, style="bold"))
    for line in wrap(phrase(row.headline, lang), console.width - 4):
        print_line(console, Text(" " * 4 + line))
    tape = _tape(row, lang)
    # A path is in one piece, to copy it.
    for line in [tape] if row.tape_is == "there" else wrap(tape, console.width - 4):
        print_line(console, Text(" " * 4 + line, style="dim"))
    console.print()


def _kind(row: Row) -> str:
    if row.runs:
        return "running" if row.is_good else "bad"
    return "unknown" if row.state in UNKNOWN else "good" if row.is_good else "bad"


def _lasted(row: Row) -> float | None:
    start, end = moment_of(row.started), moment_of(row.ended or row.seen)
    return None if start is None or end is None else max(timedelta(0), end - start).total_seconds()


def _short(seconds: float, lang: Lang) -> str:
    # Seconds of an hour are of no interest; two units fit the column.
    return duration(60 * round(seconds / 60) if seconds >= 3600 else seconds, lang)


def _tape(row: Row, lang: Lang) -> str:
    path = _from_here(Path(row.tape))
    message: Message | None = {
        "gone": TAPE_GONE(path=row.tape),
        "silent": TAPE_SILENT(path=row.tape),
        "elsewhere": TAPE_ELSEWHERE(path=row.tape, host=row.host),
    }.get(row.tape_is)
    return path if message is None else phrase(message, lang)


def _from_here(path: Path) -> str:
    # The shortest path that can be pasted after ``holter diagnose``.
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)


def _cut(name: str, columns: int) -> str:
    if cell_len(name) <= columns:
        return name
    while cell_len(name) > columns - 1:
        name = name[:-1]
    return name + "…"
