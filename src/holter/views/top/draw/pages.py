"""The pages about the run as a whole: epochs, machine and settings, diagnosis."""

from __future__ import annotations

from collections.abc import Iterable

from holter.records import EpochEnded
from holter.reports.catalogue import Lang, phrase, text
from holter.reports.html.facts import environment
from holter.reports.when import clock
from holter.sentences import define
from holter.sizes import format_number
from holter.tape import Recording
from holter.views.model.story import Story
from holter.views.model.view import View
from holter.views.top.draw.glyphs import Glyphs
from holter.views.top.draw.paper import MOST_LINES, Paper
from holter.views.top.draw.rows import fit

# In the order of their keys. "lanes" has none of the others beside it; on a tall screen they stand below it.
PAGES = ("events", "epochs", "waits", "stacks", "log", "process", "run", "diagnosis")

NO_EPOCHS = define("top.no-epochs", "No epoch ended yet.")
NO_DIAGNOSIS = define("top.no-diagnosis", "Nothing was diagnosed: there is no episode.")
DIAGNOSING = define("top.diagnosing", "The recording is being diagnosed …")


def epochs(view: View, story: Story, lang: Lang, paper: Paper, glyphs: Glyphs) -> None:
    """Write to ``paper`` a chart of epoch times and losses, and the table of the last epochs, the newest first."""
    ended = [epoch for epoch in story.epochs if epoch.t_s <= view.at_s]
    if not ended:
        paper.add((phrase(NO_EPOCHS(), lang), "dim"))
        return
    counted = list({epoch.epoch: epoch for epoch in ended}.values())
    for key, values in (
        ("series.epoch-time", [epoch.duration_s for epoch in counted]),
        ("series.train-loss", [epoch.train_loss for epoch in counted]),
        ("series.val-loss", [epoch.val_loss for epoch in counted]),
    ):
        line = _history(values, max(4, paper.width - 32), glyphs)
        known = [value for value in values if value is not None]
        if len(known) > 1:
            ends = f"{format_number(min(known))} … {format_number(max(known))}"
            paper.add((fit(text(key, lang), 14), ""), (line, "cyan"), (f"  {ends}", "dim"))
    heads = ("table.epoch", "table.ended", "table.duration", "table.train-loss", "table.val-loss", "table.dice")
    widths = (7, 10, 10, 14, 14, 1)
    for cells in ([text(head, lang) for head in heads], *map(_epoch_cells, reversed(counted[-MOST_LINES:]))):
        style_name = "bold" if cells[0] == text("table.epoch", lang) else ""
        row = "".join(fit(cell, width, right=True) + "  " for cell, width in zip(cells[:-1], widths, strict=False))
        paper.add((row + cells[-1], style_name))


def _epoch_cells(epoch: EpochEnded) -> list[str]:
    return [
        str(epoch.epoch),
        clock(epoch.t_s),
        "" if epoch.duration_s is None else f"{epoch.duration_s:.1f} s",
        "" if epoch.train_loss is None else f"{epoch.train_loss:.4f}",
        "" if epoch.val_loss is None else f"{epoch.val_loss:.4f}",
        " ".join(f"{value:.2f}" for value in epoch.pseudo_dice or ()),
    ]


def _history(values: list[float | None], room: int, glyphs: Glyphs) -> str:
    # As many epochs a sign as are needed to show all of them.
    each = -(-len(values) // room)
    parts = [
        [value for value in values[start : start + each] if value is not None] for start in range(0, len(values), each)
    ]
    means = [sum(part) / len(part) if part else None for part in parts]
    known = [mean for mean in means if mean is not None]
    if not known:
        return ""
    low, high = min(known), max(known)
    span = (high - low) or 1.0
    last = len(glyphs.heights) - 1
    return "".join(" " if mean is None else glyphs.heights[max(1, round((mean - low) / span * last))] for mean in means)


def run(view: View, lang: Lang, paper: Paper) -> None:
    """Write to ``paper`` machine, training, versions and variables of the run."""
    ticks = () if view.tick is None else (view.tick,)
    for title, rows in environment(Recording(all_ticks=ticks, environment=view.environment), lang):
        paper.add((title, "bold"))
        for name, value in rows:
            paper.add((f"  {fit(name, 26)} ", "dim"), (value, ""), hang=29)


def written(lines: Iterable[str], paper: Paper) -> None:
    """Write to ``paper`` lines that another command has printed."""
    for line in lines:
        indent = len(line) - len(line.lstrip())
        paper.add((" " * indent, ""), (line.lstrip(), "" if indent else "bold"), hang=indent)
