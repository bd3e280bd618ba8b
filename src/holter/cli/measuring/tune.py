"""``holter tune DATASET CONFIGURATION``: which settings train fastest on this machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path
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
from holter.cli.start.settings import Settings, for_training, places

if TYPE_CHECKING:
    from collections.abc import Callable

    from holter.bench.tuning.records import TuneReport


def tune(
    context: typer.Context,
    dataset: Dataset,
    configuration: Configuration,
    fold: Fold = "0",
    plans: Plans = "nnUNetPlans",
    trainer: Trainer = "nnUNetTrainer",
    device: OnDevice = Device.AUTO,
    python: Python = None,
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
    anyway: Anyway = False,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Compare workers, threads, data loaders and batches kept ahead with real steps: which settings train fastest here.

    Prints the variables to export. Trains nothing, and writes nothing to nnU-Net's folders.
    """
    language = chosen_language(lang)
    from holter.bench.tuning.terminal import as_json as to_json
    from holter.bench.tuning.terminal import print_report, progress
    from holter.bench.tuning.tune import tune as measure
    from holter.doctor.collect.order import training_python
    from holter.doctor.records import Asked
    from holter.reports.catalogue import phrase, text

    settings: Settings = context.obj or Settings()
    asked = Asked(dataset=dataset, configuration=configuration, fold=fold, plans=plans, trainer=trainer)
    interpreter = training_python(python, os.environ)
    environ = dict(os.environ)
    for message in for_training(settings, environ):  # what holter train would set is the present setting
        print(f"holter: {phrase(message, language)}", file=sys.stderr)
    loader = settings.of("train").get("loader")

    def run(tell: Callable[[object], None]) -> TuneReport:
        return measure(
            asked,
            interpreter,
            seconds,
            device.value,
            environ,
            tell,
            loader=None if loader is None else str(loader.value),
            write=write,
            anyway=anyway,
        )

    report = followed(
        run, text("bench.stage.busy", language), lambda stage: progress(stage, language), quiet=as_json, every=False
    )
    if as_json:
        print_json(to_json(report, language))
        return
    from rich.console import Console

    is_read = write is not None and any(write.resolve() == place.resolve() for place in places(os.environ))
    print_report(Console(), report, language, is_read=is_read)
