"""Compare settings of one training and write what was found: the whole of ``holter tune``, without printing."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import msgspec

from holter.bench.records import Loader
from holter.bench.session import Tell
from holter.bench.training import find_training
from holter.bench.tuning import settings_file
from holter.bench.tuning.advice import (
    BATCHES,
    COMPILE,
    THREADS,
    WORKERS,
    command_for,
    not_compared,
    variables_of,
    what_gains_more,
)
from holter.bench.tuning.records import Tuned, TuneOrder, TuneReport
from holter.doctor.records import Asked
from holter.supervisor.train import CHOICE
from holter.texts.training_command import TrainingCommand

# All that may be written into holter.toml, with values that only serve to try it.
EVERYTHING: dict[str, dict[str, str | int]] = {
    "train": {"loader": "holter"},
    "environment": {WORKERS: 1, THREADS: 1, BATCHES: 1, COMPILE: "f"},
}


def tune(
    asked: Asked,
    python: str,
    seconds: float,
    device: str,
    environ: Mapping[str, str],
    tell: Tell,
    *,
    loader: str | None = None,
    write: Path | None = None,
    anyway: bool,
) -> TuneReport:
    """Return the report; ``tell`` gets the name of each stage, or a Progress.

    ``loader``: the option ``--loader`` that a file sets for ``holter train``. ``write``: the file for the settings.

    Raises:  BadInput for a name that does not exist, or a file that cannot be written; MachineBusy; CannotDoHere;
        MissingExtra; BenchFailed.
    """
    began_s = time.monotonic()
    if write is not None:
        settings_file.check(write, EVERYTHING)
    training = find_training(asked, "tune", seconds, device, environ, anyway=anyway)
    asked, command = training.asked, training.command
    present, readers = present_choice(asked, environ, loader)
    order = TuneOrder(**msgspec.structs.asdict(training.order), present_loader=present, present_readers=readers)
    tuned = training.measure(order, python, environ, tell, Tuned)
    report = TuneReport(
        order=order,
        tuned=tuned,
        variables=variables_of(tuned, environ),
        command=command_for(tuned, asked),
        more=what_gains_more(tuned),
        not_measured=not_compared(tuned),
        took_s=time.monotonic() - began_s,
    )
    if write is None:
        return report
    settings_file.write(write, tables_of(report), f"{command}, {date.today().isoformat()}")
    return msgspec.structs.replace(report, wrote=str(write))


def tables_of(report: TuneReport) -> dict[str, dict[str, str | int]]:
    """Return the tables and values to write into holter.toml."""
    variables: dict[str, str | int] = {
        name: int(value) if value.isdecimal() else value for name, value in report.variables
    }
    return {"train": {"loader": report.tuned.chosen.loader}, "environment": variables}


def present_choice(asked: Asked, environ: Mapping[str, str], loader: str | None) -> tuple[Loader, int | None]:
    """Return the loader that this training would use today, and its threads if they are known.

    This is the one that a file sets, else the one that ``--loader auto`` has kept for this fold, else nnU-Net's.
    """
    if loader == "holter":
        return "holter", None
    training = TrainingCommand(
        dataset=asked.dataset or "",
        configuration=asked.configuration or "",
        fold=asked.fold,
        trainer=asked.trainer,
        plans=asked.plans,
    )
    folder = training.fold_folder(environ)
    if loader == "stock" or folder is None:
        return "stock", None
    try:
        kept = json.loads((folder / CHOICE).read_text(encoding="utf-8"))
        threads = kept["threads"]
        return ("holter", threads if isinstance(threads, int) else None) if kept["loader"] == "holter" else _STOCK
    except (OSError, ValueError, LookupError, TypeError):
        return _STOCK


_STOCK: tuple[Loader, None] = ("stock", None)
