"""``holter bench DATASET CONFIGURATION``: what limits this training here, and what an epoch will take."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from holter.cli.measuring.following import Order, measuring
from holter.cli.options import print_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from holter.bench.records import Report


@measuring
def bench(
    order: Order,
    seconds: Annotated[
        float,
        typer.Option(
            "--seconds", metavar="SECONDS", min=5, help="For all measurements, without start and compilation."
        ),
    ] = 120.0,
) -> None:
    """Measure network, augmentation, reading and hand-over alone and together: what limits this training, and its time.

    Takes about three minutes, trains nothing, and writes nothing to nnU-Net's folders.
    """
    from holter.bench.bench import bench as measure
    from holter.bench.terminal import as_json as to_json
    from holter.bench.terminal import print_report
    from holter.reports.catalogue import text

    def run(tell: Callable[[str], None]) -> Report:
        return measure(order.asked, order.python, seconds, order.device, os.environ, tell, anyway=order.anyway)

    report = order.follow(run, lambda stage: text(f"bench.stage.{stage}", order.language))
    if order.as_json:
        print_json(to_json(report, order.language))
        return
    from rich.console import Console

    print_report(Console(), report, order.language)
