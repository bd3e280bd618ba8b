"""The report of ``holter tune`` for a terminal, and as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text as Line

from holter.bench.forecast import NAMES
from holter.bench.terminal import in_percent
from holter.bench.tuning.records import Bounds, Candidate, Interval, Trial, TuneReport
from holter.records import Message
from holter.reports.catalogue import Lang, phrase, text
from holter.reports.runs.line import print_line
from holter.sentences import define, define_all
from holter.sizes import format_number

SCHEMA = 1
SHOWN = 8  # rows; all of them are in the JSON
LIMITS = ("memory", "shm")

define_all(
    {
        "tune.phase.spread": "comparing settings",
        "tune.phase.between": "comparing settings between the best ones",
        "tune.phase.ahead": "comparing how many batches are kept ahead",
        "tune.phase.proof": "comparing the best setting with the present one",
        "tune.column.setting": "setting",
        "tune.column.rate": "samples/s",
        "tune.column.best": "of the best",
        "tune.column.blocks": "blocks",
        "tune.limited.memory": "Free memory allows fewer than the cores would.",
        "tune.limited.shm": "Free space in /dev/shm allows fewer workers than the cores would.",
    }
)
PROGRESS = define("tune.progress", "{phase}: {count} settings, {blocks} blocks, at most {left:duration} more")
WHERE = define("tune.where", "{device}, {cpus:g} cores; up to {workers} workers or {threads} threads were compared.")
BATCHES = define("tune.batches", "{loader}, {batches} batches ahead")
PRESENT = define("tune.present", "now")
CHOSEN = define("tune.chosen", "best choice")
GAINED = define(
    "tune.gained", "{chosen}: {times:.2f} times as fast as now[[ (95 % interval {low:.2f} to {high:.2f})]]."
)
FAILS = define("tune.fails", "{name}: a training fails with it here: {reason}")
INSTEAD = define("tune.instead", "{chosen}: it works here, and the present setting does not.")
SAME = define("tune.same", "The present setting stays: {chosen}. Nothing that was compared is proved to be faster.")
COMPILED = define(
    "tune.compiled",
    "torch.compile makes a step of the network {times:.2f} times as fast[[ ({low:.2f} to {high:.2f})]].",
)
UNSETTLED = define(
    "tune.unsettled",
    "The time was up before every interval was below ± 3 %: --seconds {seconds:.0f} gives more time.",
)
MORE = define("tune.gains-more", "What would gain more: {more}")
NOT_COMPARED = define("tune.not-compared", "Not compared:")
WROTE = define("tune.wrote", "{file} is written; holter train reads it where it is started, and names what it sets.")
WROTE_ELSEWHERE = define(
    "tune.wrote-elsewhere",
    "{file} is written. holter train reads only ./holter.toml and ~/.config/holter/holter.toml.",
)


def progress(content: Any, lang: Lang) -> str:
    """Return a line on what is being done; ``content``: as the child sends it."""
    if not isinstance(content, dict):
        return text(f"bench.stage.{content}", lang)
    phase = Message(key=f"tune.phase.{content['phase']}", values=())
    return phrase(
        PROGRESS(phase=phase, count=content["candidates"], blocks=content["blocks"], left=content["left_s"]), lang
    )


def name_of(candidate: Candidate) -> Message:
    loader = NAMES[candidate.loader](count=candidate.readers)
    return loader if candidate.batches is None else BATCHES(loader=loader, batches=candidate.batches)


def print_report(console: Console, report: TuneReport, lang: Lang, *, is_read: bool = True) -> None:
    """Print the table, the lines to export, what was gained, and what would gain more.

    ``is_read``: whether ``holter train`` reads the file that was written.
    """
    tuned, order = report.tuned, report.order
    bounds = tuned.bounds
    where = WHERE(device=tuned.device_name, cpus=bounds.cpus, workers=bounds.most_workers, threads=bounds.most_threads)
    print_line(console, Line(f"{order.dataset} {order.configuration}, {order.fold}, {order.trainer}", "bold"))
    print_line(console, Line(phrase(where, lang), "dim"))
    for message in _limits(bounds):
        print_line(console, Line(phrase(message, lang), "yellow"))
    console.print()
    console.print(_table(report, lang))
    console.print()
    if tuned.compiled is not None:
        print_line(console, Line(phrase(_with_interval(COMPILED, tuned.compiled), lang)))
    for failed in tuned.failed:
        said = FAILS(name=name_of(failed.candidate), reason=failed.reason)
        print_line(console, Line(phrase(said, lang), "yellow"))
    if not tuned.is_settled:
        print_line(console, Line(phrase(UNSETTLED(seconds=2 * order.seconds), lang), "yellow"))
    print_line(console, Line(phrase(NOT_COMPARED(), lang), "dim"))
    for message in report.not_measured:
        print_line(console, Line(f"  - {phrase(message, lang)}", "dim"))
    console.print()
    print_line(console, Line(phrase(MORE(more=report.more), lang)))
    print_line(console, Line(phrase(_verdict(report), lang), "bold"))
    for line in lines(report):
        print_line(console, Line(f"  {line}", "bold green"))
    if report.wrote is not None:
        said = (WROTE if is_read else WROTE_ELSEWHERE)(file=report.wrote)
        print_line(console, Line(phrase(said, lang)))


def lines(report: TuneReport) -> list[str]:
    """Return the lines for the user to type: exports and the command."""
    return [*(f"export {name}={value}" for name, value in report.variables), report.command]


def as_json(report: TuneReport, lang: Lang) -> dict[str, Any]:
    """Return the report with its sentences in a language."""
    made: dict[str, Any] = msgspec.to_builtins(report)
    made["tuned"]["left_out"] = [
        {"code": left.code, "detail": phrase(left.detail, lang)} for left in report.tuned.left_out
    ]
    for failed, shown in zip(report.tuned.failed, made["tuned"]["failed"], strict=True):
        shown["reason"] = phrase(failed.reason, lang)
    made["more"] = phrase(report.more, lang)
    made["not_measured"] = [phrase(message, lang) for message in report.not_measured]
    return {"schema": SCHEMA, **made, "exports": lines(report)[:-1]}


def _limits(bounds: Bounds) -> Iterable[Message]:
    return (Message(key=f"tune.limited.{name}", values=()) for name in LIMITS if name in bounds.limited_by)


def _verdict(report: TuneReport) -> Message:
    tuned = report.tuned
    if tuned.chosen == tuned.present:
        return SAME(chosen=name_of(tuned.chosen))
    if tuned.gain is None:
        return INSTEAD(chosen=name_of(tuned.chosen))
    return _with_interval(GAINED, tuned.gain, chosen=name_of(tuned.chosen))


def _with_interval(sentence: Any, ratio: Interval, **values: Any) -> Message:
    made: Message = sentence(times=ratio.value, low=ratio.low, high=ratio.high, **values)
    return made


def _table(report: TuneReport, lang: Lang) -> Table:
    tuned = report.tuned
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for number, column in enumerate(("setting", "rate", "best", "blocks")):
        table.add_column(text(f"tune.column.{column}", lang), justify="left" if number == 0 else "right")
    table.add_column("")
    always = (tuned.chosen, tuned.present)
    shown = [trial for at, trial in enumerate(tuned.trials) if at < SHOWN or trial.candidate in always]
    for trial in shown:
        marks = [
            mark
            for mark, candidate in ((CHOSEN, tuned.chosen), (PRESENT, tuned.present))
            if candidate == trial.candidate
        ]
        table.add_row(
            phrase(name_of(trial.candidate), lang),
            format_number(trial.per_s),
            _share(trial),
            str(trial.blocks),
            ", ".join(phrase(mark(), lang) for mark in marks),
            style="bold" if trial.candidate == tuned.chosen else None,
        )
    return table


def _share(trial: Trial) -> str:
    ratio = trial.of_best
    shown = in_percent(ratio.value)
    return shown if ratio.half is None else f"{shown} ± {in_percent(ratio.half * ratio.value)}"
