"""``holter tune DATASET CONFIGURATION``: which settings train fastest on this machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holter.cli.measuring.following import Order, measuring
from holter.cli.options import print_json
from holter.cli.start.settings import Settings, for_training, places

if TYPE_CHECKING:
    from collections.abc import Callable

    from holter.bench.tuning.records import TuneReport


@measuring
def tune(
    order: Order,
    context: typer.Context,
    seconds: Annotated[
        float,
        typer.Option("--seconds", metavar="SECONDS", min=5, help="At most, for all comparisons, without compilation."),
    ] = 300.0,
    write: Annotated[
        Path | None,
        typer.Option(
            "--write", metavar="FILE", help="Put the settings into this holter.toml; its other settings stay."
        ),
    ] = None,
) -> None:
    """Compare workers, threads, data loaders and batches kept ahead with real steps: which settings train fastest here.

    Prints the variables to export. Trains nothing, and writes nothing to nnU-Net's folders.
    """
    from holter.bench.tuning.terminal import as_json as to_json
    from holter.bench.tuning.terminal import print_report, progress
    from holter.bench.tuning.tune import tune as measure
    from holter.reports.catalogue import phrase

    settings: Settings = context.obj or Settings()
    environ = dict(os.environ)
    for message in for_training(settings, environ):  # what holter train would set is the present setting
        print(f"holter: {phrase(message, order.language)}", file=sys.stderr)
    loader = settings.of("train").get("loader")

    def run(tell: Callable[[object], None]) -> TuneReport:
        return measure(
            order.asked,
            order.python,
            seconds,
            order.device,
            environ,
            tell,
            loader=None if loader is None else str(loader.value),
            write=write,
            anyway=order.anyway,
        )

    report = order.follow(run, lambda stage: progress(stage, order.language), every=False)
    if order.as_json:
        print_json(to_json(report, order.language))
        return
    from rich.console import Console

    is_read = write is not None and any(write.resolve() == place.resolve() for place in places(os.environ))
    print_report(Console(), report, order.language, is_read=is_read)
