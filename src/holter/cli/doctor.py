"""``holter doctor [DATASET [CONFIGURATION]]``: check machine and data before a training (go or no-go)."""

from __future__ import annotations

import enum
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holter.cli.options import Fold, Json, Lang, Plans, Python, Trainer, chosen_language, print_json
from holter.errors import BadInput, CannotDoHere, TooBusyHere
from holter.records.exit_codes import INTERRUPTED
from holter.sentences import define

if TYPE_CHECKING:
    from holter.doctor.collect.order import Order
    from holter.doctor.records import Survey
    from holter.reports.catalogue import Lang as Language

REDRAW_S = 0.2

COMPARE_ALONE = define("error.compare-alone", "--compare takes two saved reports and no data set.")


class Device(str, enum.Enum):
    CUDA = "cuda"
    CPU = "cpu"


def doctor(
    dataset: Annotated[
        str | None,
        typer.Argument(metavar="DATASET", help="Number or name, as for nnUNetv2_train. Without it: the machine only."),
    ] = None,
    configuration: Annotated[str | None, typer.Argument(metavar="CONFIGURATION", help="2d, 3d_fullres, …")] = None,
    fold: Fold = "0",
    plans: Plans = "nnUNetPlans",
    trainer: Trainer = "nnUNetTrainer",
    device: Annotated[Device, typer.Option("--device", metavar="cuda|cpu", help="What will train.")] = Device.CUDA,
    python: Python = None,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            "--compare", metavar="A.json B.json", help="Show how two machines differ: two saved --json reports."
        ),
    ] = None,
    seconds: Annotated[
        float, typer.Option("--seconds", metavar="SECONDS", min=10, help="How long it may take.")
    ] = 60.0,
    everything: Annotated[
        bool, typer.Option("--all", help="List every check, also those that are fine or do not apply.")
    ] = False,
    prolog: Annotated[
        bool,
        typer.Option("--prolog", help="For schedulers: one line within 10 s, without torch; exit code 1: no-go."),
    ] = False,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Check machine, environment and data before a training: go, warn or no-go, with the one setting to change.

    Exit code 0: go. 1: a warning or no-go (JSON says which); with --prolog only no-go. 2: Holter failed.
    """
    language = chosen_language(lang)
    if compare is not None:
        if dataset is not None:
            raise BadInput(COMPARE_ALONE(), next_step="holter doctor --compare A.json B.json")
        sys.exit(_compare(compare, language, as_json=as_json))
    from holter.doctor.collect.order import QUICK, Limits, Order, training_python
    from holter.doctor.records import Asked
    from holter.reports.catalogue import phrase

    asked = Asked(
        dataset=dataset,
        configuration=configuration,
        fold=fold,
        plans=plans,
        trainer=trainer,
        device=device.value,
    )
    from holter.doctor import terminal

    limits = QUICK if prolog else Limits()
    order = Order(asked, training_python(python, os.environ), os.environ, seconds, limits=limits)
    try:
        survey = _gather(order, language, quiet=as_json or prolog or not sys.stderr.isatty())
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except (BadInput, CannotDoHere, TooBusyHere) as error:
        if not prolog:
            raise
        is_known = not isinstance(error, TooBusyHere)
        line = terminal.NO_GO_LINE if is_known else terminal.NO_LOOK_LINE
        print(phrase(line(what=error.what), language))  # also what this node alone lacks
        sys.exit(1 if is_known else 2)
    if prolog and not as_json:
        sys.exit(_one_line(survey, language))
    sys.exit(_report(survey, language, as_json=as_json, everything=everything))


def _report(survey: Survey, language: Language, *, as_json: bool, everything: bool) -> int:
    from rich.console import Console

    from holter.doctor import terminal
    from holter.doctor.checks import examine

    examination = examine(survey)
    if as_json:
        print_json(terminal.as_json(examination, language))
    else:
        terminal.print_examination(Console(), examination, language, everything=everything)
    return examination.exit_code


def _one_line(survey: Survey, language: Language) -> int:
    from holter.doctor import terminal
    from holter.doctor.checks import examine
    from holter.reports.catalogue import phrase

    examination = examine(survey)
    print(phrase(terminal.in_one_line(examination, language), language))
    return 1 if examination.verdict == "no-go" else 0


def _compare(files: tuple[Path, Path], language: Language, *, as_json: bool) -> int:
    import msgspec
    from rich.console import Console

    from holter.doctor.compare import compare, read_report
    from holter.doctor.comparison_table import fact_title, print_comparison

    differences = compare(*(read_report(file) for file in files))
    if as_json:
        rows = [
            {**msgspec.to_builtins(difference), "title": fact_title(difference, language)} for difference in differences
        ]
        print_json({"first": str(files[0]), "second": str(files[1]), "differences": rows})
    else:
        print_comparison(Console(), (files[0].name, files[1].name), differences, language)
    return 1 if differences else 0


def _gather(order: Order, language: Language, *, quiet: bool) -> Survey:
    from rich.console import Console

    from holter.doctor.collect.survey import gather
    from holter.reports.catalogue import text

    if quiet:
        return gather(order)
    console = Console(stderr=True)
    with console.status(text("doctor.stage.machine", language)) as status:
        drawn = 0.0

        def tell(stage: str, done: int, total: int) -> None:
            nonlocal drawn
            if time.monotonic() - drawn < REDRAW_S and done:
                return
            drawn = time.monotonic()
            status.update(text(f"doctor.stage.{stage}", language, done=done, total=total))

        return gather(order, tell)
