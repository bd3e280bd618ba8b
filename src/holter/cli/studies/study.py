"""``holter study plan|run|status|finish DATASET…``: folds, configurations and data sets as one piece of work."""

from __future__ import annotations

import contextlib
import enum
import json
import os
import shlex
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from holter.cli.options import Json, Lang, Plans, Trainer, chosen_language
from holter.cli.studies.words import EXTRA, StudyCommand, same_command
from holter.errors import BadInput
from holter.sentences import NOTHING_STARTED, define

if TYPE_CHECKING:
    from rich.console import Console

    from holter.study.records import Cell, Job

WATCH_OR_JSON = define("error.study-watch-json", "--watch is for status on a terminal; --json is read once.")
NOT_OF_RUN = define("error.study-not-of-run", "{option} is for holter study run.")
JSON_OF_RUN = define("error.study-json-of-run", "--json is for plan, status and finish.")
SUBMIT_ALONE = define("error.study-submit-alone", "--submit and --slurm-options need --slurm.")
CHANGES_JOB = define(
    "error.study-changes-job", "{words} behind -- would train something else: give -tr, -p, -c and -f before it."
)
SUBMITTED = define(
    "study.submitted", "submitted: array {number}, {count} trainings", one="submitted: array {number}, {count} training"
)
LATER = define(
    "study.slurm-later",
    "{count} trainings of a cascade are not in this script: they need others; run the same command again then",
    one="{count} training of a cascade is not in this script: it needs others; run the same command again then",
)
NOTHING_LEFT = define("study.nothing-left", "nothing is left to start")
# The registry is written every 30 s, a training log once an epoch.
EVERY_S = 5.0


class Action(str, enum.Enum):
    """What to do with the study."""

    PLAN = "plan"
    RUN = "run"
    STATUS = "status"
    FINISH = "finish"


def register(app: typer.Typer) -> None:
    app.command("study", cls=StudyCommand)(study)


def study(
    context: typer.Context,
    action: Annotated[
        Action,
        typer.Argument(
            metavar="plan|run|status|finish",
            help="plan: what is done, runs, is missing or broken, the commands and hours; starts nothing. run: train "
            "what is left. status: how far each training is. finish: what comes next.",
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
    trainer: Trainer = "nnUNetTrainer",
    plans: Plans = "nnUNetPlans",
    gpus: Annotated[
        list[str] | None,
        typer.Option("--gpus", metavar="INDEX...", help="run: one training on each of these GPUs; default: all."),
    ] = None,
    slots: Annotated[
        int | None, typer.Option("--slots", metavar="N", min=1, help="run: train on the CPU, N at a time.")
    ] = None,
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="run: start the others although a training failed.")
    ] = False,
    max_failures: Annotated[
        int, typer.Option("--max-failures", metavar="N", min=0, help="run: start nothing more after N failures.")
    ] = 0,
    retry: Annotated[bool, typer.Option("--retry", help="run: start also what gave up or died before.")] = False,
    spacing: Annotated[
        float, typer.Option("--spacing", metavar="SECONDS", min=0, help="run: time between two starts.")
    ] = 10.0,
    out: Annotated[
        Path, typer.Option("--out", metavar="FOLDER", help="run: folder for tapes and for the output of trainings.")
    ] = Path("holter-study"),
    slurm: Annotated[
        bool, typer.Option("--slurm", help="run: print an array script for Slurm; --slots N: N tasks at a time.")
    ] = False,
    submit: Annotated[bool, typer.Option("--submit", help="run --slurm: send it with sbatch.")] = False,
    slurm_options: Annotated[
        str,
        typer.Option("--slurm-options", metavar="OPTIONS", help='run --slurm: "-p gpu --gres=gpu:1 --time=24:0:0".'),
    ] = "",
    watch: Annotated[
        bool, typer.Option("--watch", help="With status: keep it up to date until Ctrl-C; without a terminal: once.")
    ] = False,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Many trainings as one: the folds of several configurations and data sets.

    What stands behind -- is passed on to nnUNetv2_train: -- --npz. The same command continues after any end; nothing
    is trained twice.
    """
    from rich.console import Console

    from holter.cli.running.rewriting import can_rewrite, rewrite
    from holter.study import terminal
    from holter.study.selection import jobs_of

    language = chosen_language(lang)
    extra: tuple[str, ...] = context.meta.get(EXTRA, ())
    _check(
        action,
        {"--watch": watch, "--json": as_json, "--slurm": slurm, "--submit": submit, "--slurm-options": slurm_options},
        {"--gpus": gpus, "--slots": slots, "--retry": retry, "--slurm": slurm, "--keep-going": keep_going},
    )
    jobs = jobs_of(datasets, configurations or (), folds or ("0-4",), os.environ, trainer=trainer, plans=plans)
    if not all(_is_same(job, extra) for job in jobs):
        raise BadInput(CHANGES_JOB(words=shlex.join(extra)), safe=NOTHING_STARTED(), next_step="holter study --help")
    if action is Action.RUN:
        from holter.study.local import Settings
        from holter.study.slots import slots_of

        if slurm:
            _slurm(jobs, extra, out.absolute(), slots, slurm_options, language, retry=retry, submit_it=submit)
            return
        places = slots_of(gpus or (), slots, os.environ)
        _run(jobs, Settings(places, out.absolute(), extra, keep_going, max_failures, retry, spacing), language)
    cells = _cells(jobs)
    if action is Action.FINISH:
        terminal.print_finish(Console(), cells, extra, language, as_json=as_json)
        sys.exit(0 if all(cell.state == "done" for cell in cells) else 1)
    if as_json:
        print(json.dumps(terminal.as_json(cells, extra, language, time.time()), ensure_ascii=False, indent=2))
        return

    def show(console: Console) -> None:
        terminal.print_status(console, _cells(jobs), language, time.time())

    if action is Action.PLAN:
        terminal.print_plan(Console(), cells, extra, language, run=same_command(sys.argv, "run"))
    elif watch and can_rewrite():
        rewrite(show, EVERY_S)
    else:
        terminal.print_status(Console(), cells, language, time.time())


def _is_same(job: Job, extra: tuple[str, ...]) -> bool:
    # Whether the words behind -- leave the fold's folder as it is.
    from holter.texts.training_command import parse_training_command

    training = parse_training_command(("nnUNetv2_train", *job.arguments(extra)))
    return training is not None and training.fold_folder(os.environ) == job.folder


def _check(action: Action, given: Mapping[str, object], of_run: Mapping[str, object]) -> None:
    # Options that do not fit together.
    if given["--watch"] and (given["--json"] or action is not Action.STATUS):
        raise BadInput(WATCH_OR_JSON(), next_step="holter study status 4")
    if action is Action.RUN and given["--json"]:
        raise BadInput(JSON_OF_RUN(), safe=NOTHING_STARTED(), next_step="holter study status 4 --json")
    if (given["--submit"] or given["--slurm-options"]) and not given["--slurm"]:
        raise BadInput(SUBMIT_ALONE(), safe=NOTHING_STARTED(), next_step="holter study run 4 --slurm --submit")
    misplaced = [option for option, value in of_run.items() if value] if action is not Action.RUN else []
    if misplaced:
        raise BadInput(
            NOT_OF_RUN(option=misplaced[0]), safe=NOTHING_STARTED(), next_step=f"holter study {action.value} 4"
        )


def _run(jobs: tuple[Job, ...], settings: object, language: Literal["en", "zh"]) -> None:
    from holter.reports.catalogue import phrase
    from holter.study.local import Session, Settings
    from holter.study.plan import counted

    assert isinstance(settings, Settings)

    def say(message: object) -> None:
        with contextlib.suppress(OSError):  # nobody reads: the trainings are more important
            print(f"holter: {time.strftime('%H:%M:%S')} {phrase(message, language)}", file=sys.stderr, flush=True)  # type: ignore[arg-type]

    code = Session(_cells(jobs), settings, os.environ, say).run()
    say(counted(_cells(jobs)))
    sys.exit(code)


def _slurm(
    jobs: tuple[Job, ...],
    extra: tuple[str, ...],
    out: Path,
    most: int | None,
    options: str,
    language: Literal["en", "zh"],
    *,
    retry: bool,
    submit_it: bool,
) -> None:
    from holter.reports.catalogue import phrase
    from holter.study.local import needs_of
    from holter.study.slurm import script_of, submit

    cells = _cells(jobs)
    needs = needs_of(cells)
    states = ("missing", "unfinished", *(("broken",) if retry else ()))
    now = [cell.job for cell in cells if cell.state in states]
    later = [cell.job for cell in cells if cell.state == "blocked"]
    if not now:
        print(f"holter: {phrase(NOTHING_LEFT(), language)}", file=sys.stderr)
        return
    out.mkdir(parents=True, exist_ok=True)  # Slurm does not create the folder of --output
    script = script_of(now, out, os.environ, extra=extra, most=most, options=options)
    if not submit_it:
        print(script, end="")
        if later:
            print(f"holter: {phrase(LATER(count=len(later)), language)}", file=sys.stderr)
        return
    number = submit(script, os.environ)
    print(phrase(SUBMITTED(number=number, count=len(now)), language))
    sent = {job.folder for job in now}
    # What waits for a broken fold, or for one that runs elsewhere, would start too early.
    too_early = [job for job in later if not needs[job.folder] <= sent]
    later = [job for job in later if needs[job.folder] <= sent]
    if too_early:
        print(f"holter: {phrase(LATER(count=len(too_early)), language)}", file=sys.stderr)
    if later:
        second = submit(
            script_of(later, out, os.environ, extra=extra, most=most, options=options), os.environ, after=number
        )
        print(phrase(SUBMITTED(number=second, count=len(later)), language))


def _cells(jobs: tuple[Job, ...]) -> tuple[Cell, ...]:
    from holter.study.survey import look, survey
    from holter.supervisor.state_folder import state_folders
    from holter.tape.registry import read_all

    return survey(jobs, look(read_all(state_folders(os.environ)), os.environ))
