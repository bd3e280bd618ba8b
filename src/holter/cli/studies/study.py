"""``holter study plan|status DATASET…``: folds, configurations and data sets as one piece of work."""

from __future__ import annotations

import enum
import json
import os
import time
from typing import TYPE_CHECKING, Annotated

import typer

from holter.cli.options import Json, Lang, chosen_language
from holter.cli.studies.words import EXTRA, StudyCommand
from holter.errors import BadInput
from holter.sentences import define

if TYPE_CHECKING:
    from rich.console import Console

    from holter.study.records import Cell, Job

WATCH_OR_JSON = define("error.study-watch-json", "--watch is for status on a terminal; --json is read once.")
# The registry is written every 30 s, a training log once an epoch.
EVERY_S = 5.0


class Action(str, enum.Enum):
    """What to do with the study."""

    PLAN = "plan"
    STATUS = "status"


def register(app: typer.Typer) -> None:
    app.command("study", cls=StudyCommand)(study)


def study(
    context: typer.Context,
    action: Annotated[
        Action,
        typer.Argument(
            metavar="plan|status",
            help="plan: what is done, runs, is missing or broken, the commands and hours; starts nothing. status: how "
            "far each training is.",
        ),
    ],
    datasets: Annotated[
        list[str], typer.Argument(metavar="DATASET...", help="Numbers or names, as for nnUNetv2_train.")
    ],
    configurations: Annotated[
        list[str] | None,
        typer.Option("--configurations", "-c", metavar="NAME...", help="2d, 3d_fullres, …; default: all preprocessed."),
    ] = None,
    folds: Annotated[
        list[str] | None, typer.Option("--folds", "-f", metavar="FOLDS...", help="0-4 (default), 0 2, or all.")
    ] = None,
    trainer: Annotated[
        str, typer.Option("--trainer", "-tr", metavar="NAME", help="Name of the trainer class.")
    ] = "nnUNetTrainer",
    plans: Annotated[str, typer.Option("--plans", "-p", metavar="NAME", help="Name of the plans.")] = "nnUNetPlans",
    watch: Annotated[
        bool, typer.Option("--watch", help="With status: keep it up to date until Ctrl-C; without a terminal: once.")
    ] = False,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Many trainings as one: the folds of several configurations and data sets.

    What stands behind -- is passed on to nnUNetv2_train: -- --npz.
    """
    from rich.console import Console

    from holter.cli.running.rewriting import can_rewrite, rewrite
    from holter.study import terminal
    from holter.study.selection import jobs_of

    language = chosen_language(lang)
    extra: tuple[str, ...] = context.meta.get(EXTRA, ())
    if watch and (as_json or action is not Action.STATUS):
        raise BadInput(WATCH_OR_JSON(), next_step="holter study status 4")
    jobs = jobs_of(datasets, configurations or (), folds or ("0-4",), os.environ, trainer=trainer, plans=plans)
    if as_json:
        print(json.dumps(terminal.as_json(_cells(jobs), extra, language, time.time()), ensure_ascii=False, indent=2))
        return

    def show(console: Console) -> None:
        terminal.print_status(console, _cells(jobs), language, time.time())

    if action is Action.PLAN:
        terminal.print_plan(Console(), _cells(jobs), extra, language)
    elif watch and can_rewrite():
        rewrite(show, EVERY_S)
    else:
        show(Console())


def _cells(jobs: tuple[Job, ...]) -> tuple[Cell, ...]:
    from holter.study.survey import look, survey
    from holter.supervisor.state_folder import state_folders
    from holter.tape.registry import read_all

    return survey(jobs, look(read_all(state_folders(os.environ)), os.environ))
