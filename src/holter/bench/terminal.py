"""The report of ``holter bench`` for a terminal, and as JSON."""

from __future__ import annotations

from typing import Any

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text as Line

from holter.bench.forecast import NAMES
from holter.bench.records import Forecast, Rate, Report
from holter.records import Message
from holter.reports.catalogue import Lang, phrase, text
from holter.reports.runs.line import print_line
from holter.sentences import define, define_all
from holter.sizes import format_number

SCHEMA = 1

define_all(
    {
        "bench.stage.busy": "looking whether others use this machine",
        "bench.stage.building": "building the network and the loaders",
        "bench.stage.compile": "network alone (the first step compiles it, which may take minutes)",
        "bench.stage.compute": "network alone",
        "bench.stage.proof": "comparing the transforms of both loaders",
        "bench.stage.augmentation.stock": "augmentation, nnU-Net's",
        "bench.stage.augmentation.holter": "augmentation, Holter's",
        "bench.stage.reading.stock": "reading, nnU-Net's loader",
        "bench.stage.reading.holter": "reading, Holter's loader",
        "bench.stage.hand-over.stock": "hand-over between processes",
        "bench.stage.together.stock": "all together, nnU-Net's loader",
        "bench.stage.together.holter": "all together, Holter's loader",
        "bench.stage.checkpoint": "saving a checkpoint",
        "bench.limit.network": "the network",
        "bench.limit.augmentation": "augmentation",
        "bench.limit.reading": "reading",
        "bench.limit.hand-over": "handing over batches",
        "bench.limit.cores": "the cores, which network and loader share",
        "bench.column.ceiling": "ceiling",
        "bench.column.rate": "samples/s",
        "bench.column.epoch": "epoch",
        "bench.column.share": "share",
    }
)
TITLE = define(
    "bench.title", "{dataset} {configuration}, fold {fold}, {trainer}: patch {patch}, {count} samples per batch"
)
WHERE = define("bench.where", "{device}, {cpus:g} cores[[; Holter's kernels: {kernels}]]; {versions}")
ON_CPU = define("bench.on-cpu", "Measured on the CPU: with a GPU, every number of the network would be different.")
LIMITS = define("bench.limits", "<- limits")
WITH = define(
    "bench.with",
    "With {loader}: {share:.1f}[[ ± {spread:.1f}]] % of the network's ceiling; limited by {limit}[[; {wanted:.1f} "
    "cores would feed it]].",
)
TAKES = define(
    "bench.takes",
    "  An epoch takes {epoch:duration}[[ ({low:duration} to {high:duration})]], {epochs} epochs {total:duration}.",
)
SAVES = define("bench.saves", "A checkpoint takes {seconds:seconds} ({size:bytes}), every {every} epochs.")
PUBLISHED = define("bench.published", "Published epochs of {what}: {rows}.")
PUBLISHED_ROW = define("bench.published-row", "{gpu} {low:.0f} to {high:.0f} s ({source})")
PUBLISHED_ONE = define("bench.published-one", "{gpu} {low:.0f} s ({source})")
NOT_MEASURED = define("bench.not-measured", "Not measured:")
CHANGES_MOST = define("bench.changes-most", "What helps most: {advice}")


def print_report(console: Console, report: Report, lang: Lang) -> None:
    """Print the table, the forecasts, what was not measured, and the one thing to change."""
    order, measured = report.order, report.measured
    title = TITLE(
        dataset=order.dataset,
        configuration=order.configuration,
        fold=order.fold,
        trainer=order.trainer,
        patch=" x ".join(map(str, measured.patch_size)),
        count=measured.batch_size,
    )
    print_line(console, Line(phrase(title, lang), "bold"))
    print_line(console, Line(phrase(_where(report), lang), "dim"))
    if measured.device == "cpu":
        print_line(console, Line(phrase(ON_CPU(), lang), "yellow"))
    console.print()
    console.print(_table(report, lang))
    console.print()
    for forecast in report.forecasts:
        for message in _forecast(report, forecast):
            print_line(console, Line(phrase(message, lang)))
    if measured.checkpoint_s is not None and measured.checkpoint_bytes is not None:
        saves = SAVES(seconds=measured.checkpoint_s, size=measured.checkpoint_bytes, every=measured.save_every)
        print_line(console, Line(phrase(saves, lang)))
    print_line(console, Line(phrase(_published(report), lang), "dim"))
    print_line(console, Line(phrase(NOT_MEASURED(), lang), "dim"))
    for message in report.not_measured:
        print_line(console, Line(f"  - {phrase(message, lang)}", "dim"))
    console.print()
    print_line(console, Line(phrase(CHANGES_MOST(advice=report.advice), lang), "bold"))
    print_line(console, Line(f"  {report.command}", "bold green"))


def as_json(report: Report, lang: Lang) -> dict[str, Any]:
    """Return the report with its sentences in a language."""
    made: dict[str, Any] = msgspec.to_builtins(report)
    made["rows"] = [
        {**msgspec.to_builtins(row), "name": phrase(row.name, lang), "limits": row.limits} for row in report.rows
    ]
    made["measured"]["left_out"] = [
        {"code": left.code, "detail": phrase(left.detail, lang)} for left in report.measured.left_out
    ]
    made["advice"] = phrase(report.advice, lang)
    made["not_measured"] = [phrase(message, lang) for message in report.not_measured]
    return {"schema": SCHEMA, **made}


def _where(report: Report) -> Message:
    measured = report.measured
    versions = ", ".join(f"{name} {version}" for name, version in measured.versions)
    return WHERE(device=measured.device_name, cpus=measured.cpus, kernels=measured.kernels, versions=versions)


def _table(report: Report, lang: Lang) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for number, column in enumerate(("ceiling", "rate", "epoch", "share")):
        table.add_column(text(f"bench.column.{column}", lang), justify="left" if number == 0 else "right")
    table.add_column("")
    limiting = report.chosen if len(report.forecasts) > 1 else report.forecasts[0].loader if report.forecasts else ""
    for row in report.rows:
        limits = (row.limits and row.key.endswith(f".{limiting}")) or (row.key == "network" and _network_limits(report))
        table.add_row(
            phrase(row.name, lang),
            _rate(row.rate),
            _seconds(row.epoch_s),
            in_percent(row.share),
            phrase(LIMITS(), lang) if limits else "",
            style="bold" if limits else None,
        )
    return table


def _network_limits(report: Report) -> bool:
    return any(forecast.loader == report.chosen and forecast.limit == "network" for forecast in report.forecasts)


def _rate(rate: Rate) -> str:
    digits = format_number(rate.per_s)
    return digits if rate.spread is None else f"{digits} ± {in_percent(rate.spread)}"


def in_percent(share: float) -> str:
    """Return a share (1.0 is 100 %) as the text of a table's cell."""
    return f"{share * 100:.0f} %"


def _seconds(value: float) -> str:
    return f"{format_number(value)} s"


def _forecast(report: Report, forecast: Forecast) -> tuple[Message, Message]:
    return (
        WITH(
            loader=NAMES[forecast.loader](count=forecast.readers),
            share=forecast.share * 100,
            spread=None if forecast.spread is None else forecast.spread * 100,
            limit=Message(key=f"bench.limit.{forecast.limit}", values=()),
            wanted=forecast.cores_wanted,
        ),
        TAKES(
            epoch=forecast.epoch_s,
            low=forecast.epoch_low_s if forecast.epoch_high_s is not None else None,
            high=forecast.epoch_high_s,
            epochs=report.measured.epochs,
            total=forecast.total_s,
        ),
    )


def _published(report: Report) -> Message:
    rows = tuple(
        (PUBLISHED_ROW if row.high_s > row.low_s else PUBLISHED_ONE)(
            gpu=row.gpu, low=row.low_s, high=row.high_s if row.high_s > row.low_s else None, source=row.source
        )
        for row in report.published
    )
    return PUBLISHED(what=report.published[0].what, rows=rows)
