"""A folder of runs -> lines: one row a run, with its sentence below the row that is chosen."""

from __future__ import annotations

from pathlib import Path

import msgspec
from rich.cells import cell_len, set_cell_size

from holter.reports.catalogue import Lang, phrase, text
from holter.sentences import define, define_all
from holter.views.model.folder import RunRow
from holter.views.top.draw.glyphs import Glyphs
from holter.views.top.draw.rows import Line, Row, cut, fit, wrapped
from holter.views.top.draw.words import age, percent

RUNS = define("top.runs", "{count} runs, {live} recorded now", one="{count} run, {live} recorded now")
NO_RUNS = define("top.no-runs", "No tape (*.holter) is here: {place}")
define_all(
    {
        "top.head.run": "run",
        "top.head.epoch": "epoch",
        "top.head.each": "s/epoch",
        "top.head.gpu": "GPU",
        "top.head.cpu": "CPU",
        "top.head.state": "what it does",
        "top.run.new": "…",
        "top.run.live": "live",
        "top.run.silent": "silent",
        "top.run.over": "ended",
        "top.run.unreadable": "damaged",
    }
)
STYLE_OF_STATE = {"live": "good", "silent": "bad", "over": "dim", "unreadable": "warn", "new": "dim"}
# Lines of the sentence of the chosen run.
SENTENCE_LINES = 3
# Of the sentence in a row, on a screen that has any of it.
LEAST_SENTENCE = 24


class OverviewDrawn(msgspec.Struct, frozen=True, kw_only=True):
    """The lines of an overview, and which run is on which line."""

    lines: tuple[Line, ...]
    runs: dict[int, Path]


def draw(
    rows: tuple[RunRow, ...],
    place: str,
    chosen: Path | None,
    width: int,
    height: int,
    lang: Lang,
    glyphs: Glyphs,
    note: str,
) -> OverviewDrawn:
    """Return the screen with one line per run, exactly ``height`` lines; the sentence of the chosen run is below them.

    ``place``: the folder that the title names. ``note``: shown on the last line.
    """
    width, height = max(20, width), max(5, height)
    live = sum(row.state == "live" for row in rows)
    title = phrase(RUNS(count=len(rows), live=live) if rows else NO_RUNS(place=place), lang)
    cells = _widths(width, rows, lang)
    lines: list[Line] = [Row(width).add(title, "bold").add(f"  {place}", "dim").done(), _heads(width, cells, lang)]
    found: dict[int, Path] = {}
    current = next((row for row in rows if row.path == chosen), rows[0] if rows else None)
    room = max(1, height - len(lines) - 1 - SENTENCE_LINES)
    place_of = rows.index(current) if current is not None else 0
    start = max(0, min(place_of - room // 2, len(rows) - room))
    for row in rows[start : start + room]:
        found[len(lines)] = row.path
        lines.append(_row(row, width, cells, lang, glyphs, is_chosen=row is current))
    while len(lines) < height - 1 - SENTENCE_LINES:
        lines.append(Row(width).done())
    if current is not None:
        said = wrapped(current.sentence, width, SENTENCE_LINES - 1)
        lines += [Row(width).add(part, current.tone).done() for part in said]
        lines.append(Row(width).add(_end_of(str(current.path), width), "dim").done())
    while len(lines) < height - 1:
        lines.append(Row(width).done())
    lines = lines[: height - 1]
    foot = Row(width)
    if note:
        foot.add(" " + note, "warn")
    else:
        for key, name in (
            ("Enter", "open"),
            ("↑↓" if glyphs.up == "↑" else "jk", "choose"),
            ("?", "help"),
            ("q", "quit"),
        ):
            foot.add(" ").add(key, "key").add(text(f"top.key.{name}", lang) + " ")
    lines.append(foot.done())
    return OverviewDrawn(lines=tuple(lines), runs=found)


def _end_of(path: str, width: int) -> str:
    # The name at its end says more than the folders before it.
    return path if cell_len(path) <= width else "…" + path[-(width - 1) :]


def _widths(width: int, rows: tuple[RunRow, ...], lang: Lang) -> tuple[int, int, int, int, int]:
    # name, epoch, seconds an epoch, GPU, CPU; a narrow screen has fewer of them. The whole sentence of the chosen run
    # is below the list: a name is worth more than the beginning of a sentence.
    runs = any(row.state == "live" for row in rows)
    epoch = max((cell_len(each) for each in (text("top.head.epoch", lang), *map(_epochs, rows))), default=0)
    others = (epoch, 8, 5 * runs, 5 * runs) if width >= 100 else (epoch, 0, 5 * (runs and width >= 60), 0)
    taken = 9 + sum(cells + 1 for cells in others if cells)
    room = width - taken - 2 - (LEAST_SENTENCE if width >= 60 else 0)
    return min(max((cell_len(_name(row)) for row in rows), default=8), max(8, room)), *others


def _name(row: RunRow) -> str:
    return f"{row.apart} {row.name}".strip()


def _epochs(row: RunRow) -> str:
    return "" if row.epoch is None else f"{row.epoch}" if row.total is None else f"{row.epoch}/{row.total}"


def _without_middle(name: str, cells: int, glyphs: Glyphs) -> str:
    # The fold at the end says as much as the beginning.
    if cell_len(name) <= cells:
        return name
    tail = set_cell_size(name[::-1], cells * 2 // 5)[::-1]
    return cut(name, cells - cell_len(tail), glyphs.cut) + tail


def _heads(width: int, widths: tuple[int, ...], lang: Lang) -> Line:
    row = Row(width).add(" " * 9)
    for name, cells in zip(("run", "epoch", "each", "gpu", "cpu"), widths, strict=True):
        if cells:
            row.add(fit(text(f"top.head.{name}", lang), cells, right=name != "run") + " ", "dim")
    return row.add(" " + text("top.head.state", lang), "dim").done()


def _row(
    row: RunRow,
    width: int,
    widths: tuple[int, int, int, int, int],
    lang: Lang,
    glyphs: Glyphs,
    *,
    is_chosen: bool,
) -> Line:
    name, epoch, each, gpu, cpu = widths
    line = Row(width)
    line.add(
        fit((glyphs.selected if is_chosen else " ") + text(f"top.run.{row.state}", lang), 9), STYLE_OF_STATE[row.state]
    )
    line.add(fit(_without_middle(_name(row), name, glyphs), name) + " ", "selected" if is_chosen else "")
    line.add(fit(_epochs(row), epoch, right=True) + " ")
    if each:
        line.add(fit("" if row.usual_epoch_s is None else age(row.usual_epoch_s), each, right=True) + " ")
    if row.state == "live":
        if gpu:
            line.add(fit(f"{percent(row.gpu)}%", gpu, right=True) + " ")
        if cpu:
            line.add(fit(f"{percent(row.cpu)}%", cpu, right=True) + " ")
    else:
        line.to(9 + sum(cells + 1 for cells in (name, epoch, each, gpu, cpu) if cells))
    return line.add(" ").add(cut(row.sentence, line.left, glyphs.cut), row.tone if row.tone != "plain" else "").done()
