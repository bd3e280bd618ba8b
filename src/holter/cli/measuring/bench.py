"""``holter bench DATASET CONFIGURATION``: what limits this training here, and what an epoch will take."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from holter.cli.measuring.following import Device, OnDevice, followed
from holter.cli.options import (
    Anyway,
    Configuration,
    Dataset,
    Fold,
    Json,
    Lang,
    Plans,
    Python,
    Trainer,
    chosen_language,
    print_json,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from holter.bench.records import Report


def bench(
    dataset: Dataset,
    configuration: Configuration,
    fold: Fold = "0",
    plans: Plans = "nnUNetPlans",
    trainer: Trainer = "nnUNetTrainer",
    device: OnDevice = Device.AUTO,
    python: Python = None,
    seconds: Annotated[
        float,
        typer.Option(
            "--seconds", metavar="SECONDS", min=5, help="For all measurements, without start and compilation."
        ),
    ] = 120.0,
    anyway: Anyway = False,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Measure network, augmentation, reading and hand-over alone and together: what limits this training, and its time.

    Takes about three minutes, trains nothing, and writes nothing to nnU-Net's folders.
    """
    language = chosen_language(lang)
    from holter.bench.bench import bench as measure
    from holter.bench.terminal import as_json as to_json
    from holter.bench.terminal import print_report
    from holter.doctor.collect.order import training_python
    from holter.doctor.records import Asked
    from holter.reports.catalogue import text

    asked = Asked(dataset=dataset, configuration=configuration, fold=fold, plans=plans, trainer=trainer)
    interpreter = training_python(python, os.environ)

    def run(tell: Callable[[str], None]) -> Report:
        return measure(asked, interpreter, seconds, device.value, os.environ, tell, anyway=anyway)

    report = followed(
        run, text("bench.stage.busy", language), lambda stage: text(f"bench.stage.{stage}", language), quiet=as_json
    )
    if as_json:
        print_json(to_json(report, language))
        return
    from rich.console import Console

    print_report(Console(), report, language)
