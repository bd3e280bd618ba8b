"""A comparison as rows of words, for the terminal and for the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table
from rich.text import Text

from holter.reports.catalogue import Lang, english, phrase, text
from holter.reports.compare.differences import Comparison
from holter.reports.compare.measures import Measures
from holter.reports.outcome.sentences import VERDICT
from holter.reports.when import duration
from holter.reports.wrapping import wrap
from holter.sentences import Sentence, define
from holter.sizes import format_number
from holter.tape.opening import what_differs

UNKNOWN = "–"
# Of the table in the terminal, in characters: its first column at most, the others at least, and the space after each.
TITLE_COLUMN, LEAST_COLUMN, BETWEEN = 28, 8, 2
# Below this share of difference a number is not worth a mark.
WORTH = 0.02

TITLES = {
    "speed": define("compare.heading.speed", "Speed"),
    "past": define("compare.heading.past", "What happened"),
    "training": define("compare.heading.training", "Training"),
    "machine": define("compare.heading.machine", "Machine"),
    "versions": define("compare.heading.versions", "Versions"),
    "settings": define("compare.heading.settings", "Settings"),
}
EQUAL_FACTS = define(
    "compare.equal-facts", "The same in all: {count} more facts.", one="The same in all: {count} more fact."
)
NOTES = define("compare.heading.notes", "Before you compare")


class Row(NamedTuple):
    """A line of the table: its name, one cell for each run, and the difference of each run from the first."""

    name: str
    cells: tuple[str, ...]
    changes: tuple[str, ...] = ()


class Section(NamedTuple):
    """Rows below a title."""

    title: str
    rows: tuple[Row, ...]


def _seconds(value: Any, lang: Lang) -> str:
    return text("duration.s", lang, s=format_number(value))


def _percent(value: Any, _: Lang) -> str:
    return f"{100 * value:.0f} %"


def _whole(value: Any, _: Lang) -> str:
    return str(value)


def _watts(value: Any, _: Lang) -> str:
    return f"{value:.0f} W"


Show = Callable[[Any, Lang], str]
# Name of the measure, its words, how it is shown, and whether a change in percent says something.
SPEED: tuple[tuple[str, Sentence, Show, bool], ...] = (
    ("epoch_s", define("compare.row.epoch", "epoch, median"), _seconds, True),
    ("epoch_p95_s", define("compare.row.p95", "epoch, slowest 5 %"), _seconds, True),
    ("epochs", define("compare.row.epochs", "epochs that count"), _whole, False),
    ("step_s", define("compare.row.step", "training step"), _seconds, True),
    ("data_wait_ratio", define("compare.row.wait", "waits for data"), _percent, False),
    ("gpu_ratio", define("compare.row.gpu", "GPU busy"), _percent, False),
    ("gpu_power_w", define("compare.row.power", "GPU power"), _watts, False),
    ("cpu_ratio", define("compare.row.cpu", "CPU busy"), _percent, False),
    ("iowait_ratio", define("compare.row.iowait", "CPU waits for disks"), _percent, False),
)
PAST: tuple[tuple[str, Sentence, Show], ...] = (
    ("goodput_ratio", define("compare.row.goodput", "time that counted"), _percent),
    ("lost_s", define("compare.row.lost", "time lost"), lambda value, lang: duration(value, lang)),
    ("stopped", define("compare.row.stopped", "times stopped"), _whole),
    ("healed", define("compare.row.healed", "times healed"), _whole),
)


def sections(comparison: Comparison, lang: Lang) -> list[Section]:
    """Return the table: values that are known of at least one run, and facts only if they differ between runs."""
    runs = comparison.runs
    speed = [
        Row(text(words.key, lang), _cells(runs, name, show, lang), _changes(runs, name) if has_change else ())
        for name, words, show, has_change in SPEED
        if any(getattr(run, name) is not None for run in runs)
    ]
    past = [
        Row(text(words.key, lang), _cells(runs, name, show, lang))
        for name, words, show in PAST
        if any(getattr(run, name) for run in runs)
    ]
    parts = [("speed", speed), ("past", past)]
    for group in ("training", "machine", "versions", "settings"):
        rows = [
            Row(_fact(difference.name, lang), tuple(value or UNKNOWN for value in difference.values))
            for difference in comparison.differences
            if difference.group == group
        ]
        parts.append((group, rows))
    return [Section(text(TITLES[name].key, lang), tuple(rows)) for name, rows in parts if rows]


def print_comparison(
    console: Console, comparison: Comparison, lang: Lang, *, wrote: str | None = None, command: str | None = None
) -> None:
    """Print the runs, the table, what speaks against the comparison, and last the verdict on each run.

    ``wrote``: a line about a file that was written, printed before the verdict. ``command``: the next command.
    """
    for run in comparison.runs:
        console.print(Text(run.name, style="bold"), soft_wrap=True)
        for line in wrap(phrase(run.headline, lang), console.width - 4):
            console.print(Text(f"    {line}"), soft_wrap=True)
    heads = _heads([run.name for run in comparison.runs], console.width)
    for section in sections(comparison, lang):
        console.print()
        console.print(_table(section, heads))
    if comparison.equal:
        console.print(Text(text(EQUAL_FACTS.key, lang, count=comparison.equal), style="dim"), soft_wrap=True)
    if comparison.warnings:
        console.print()
        console.print(Text(text(NOTES.key, lang), style="bold yellow"), soft_wrap=True)
        for warning in comparison.warnings:
            _wrapped(console, phrase(warning, lang), "  ", "")
    console.print()
    if wrote is not None:
        console.print(Text(wrote), soft_wrap=True)
    *_, last = comparison.verdicts
    for verdict in comparison.verdicts:
        words = (phrase(message, lang) for message in (verdict.message, verdict.allowed) if message is not None)
        what = ("" if lang == "zh" else " ").join(words)
        bad = verdict.is_too_slow or verdict.metric is None
        style, line = "bold red" if bad else "bold", phrase(VERDICT(what=what), lang)
        _wrapped(console, line, "", style)
        if verdict is last and command is not None:  # in one piece, to copy it
            whole = phrase(VERDICT(what=what, command=command), lang)
            console.print(Text(whole.removeprefix(line).strip(), style=style), soft_wrap=True)


def as_json(comparison: Comparison, lang: Lang) -> dict[str, Any]:
    """Return the comparison for ``--json``; sentences in this language, numbers in base units."""
    return {
        "runs": [
            {
                **{name: getattr(run, name) for name in run.__struct_fields__},
                "headline": phrase(run.headline, lang),
                **{
                    name: dict(getattr(run, name))
                    for name in ("incidents", "training", "machine", "versions", "settings")
                },
            }
            for run in comparison.runs
        ],
        "verdicts": [
            {
                "name": verdict.name,
                "metric": verdict.metric,
                "ratio": verdict.ratio,
                "is_too_slow": verdict.is_too_slow,
                "is_unsure": verdict.is_unsure,
                "text": phrase(verdict.message, lang),
            }
            for verdict in comparison.verdicts
        ],
        "warnings": [phrase(warning, lang) for warning in comparison.warnings],
        "differences": msgspec.to_builtins(comparison.differences),
        "exit_code": comparison.exit_code,
    }


def _fact(name: str, lang: Lang) -> str:
    key = f"compare.fact.{name}"
    return text(key, lang) if english(key) is not None else name


def _cells(runs: Sequence[Measures], name: str, show: Show, lang: Lang) -> tuple[str, ...]:
    values = [getattr(run, name) for run in runs]
    return tuple(UNKNOWN if value is None else show(value, lang) for value in values)


def _changes(runs: Sequence[Measures], name: str) -> tuple[str, ...]:
    first = getattr(runs[0], name)
    return tuple(_change(first, getattr(run, name)) for run in runs[1:])


def _change(first: float | None, other: float | None) -> str:
    if not first or other is None or abs(other / first - 1) < WORTH:
        return ""
    return f"{100 * (other / first - 1):+.0f} %".replace("-", "−")


def _heads(names: Sequence[str], width: int) -> list[str]:
    """Return the names: of those that Holter gave the time, if it tells them apart.

    Names that are too long for their column have no middle; they are numbered if two look the same then.
    """
    times = [what_differs(name) for name in names]
    if len(set(times)) == len(names):
        names = times
    room = max(LEAST_COLUMN, (width - TITLE_COLUMN - BETWEEN) // max(1, len(names)) - BETWEEN)
    heads = [_shortened(name, room) for name in names]
    if len(set(heads)) == len(set(names)):
        return heads
    return [_shortened(f"{number} {name}", room) for number, name in enumerate(names, 1)]


def _shortened(name: str, room: int) -> str:
    if cell_len(name) <= room:
        return name
    front = set_cell_size(name, (room - 1) // 2).rstrip()
    back = name[len(front) :]
    while cell_len(front) + 1 + cell_len(back) > room:
        back = back[1:]
    return f"{front}…{back}"


def _table(section: Section, heads: Sequence[str]) -> Table:
    table = Table(box=None, padding=(0, BETWEEN, 0, 0), title=None, show_edge=False, header_style="bold")
    table.add_column(section.title, overflow="fold", style="dim", max_width=TITLE_COLUMN)
    for head in heads:
        table.add_column(head, overflow="fold", min_width=max(LEAST_COLUMN, cell_len(head)))
    for row in section.rows:
        changes = ("", *row.changes) if row.changes else ("",) * len(row.cells)
        cells = [f"{cell} ({change})" if change else cell for cell, change in zip(row.cells, changes, strict=True)]
        table.add_row(row.name, *map(Text, cells))
    return table


def _wrapped(console: Console, words: str, hang: str, style: str) -> None:
    for line in wrap(words, console.width - len(hang)):
        console.print(Text(hang + line, style=style), soft_wrap=True)
