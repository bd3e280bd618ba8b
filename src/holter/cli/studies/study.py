"""``holter study plan|run|status|finish DATASET…``: folds, configurations and data sets as one piece of work."""

from __future__ import annotations

import enum
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holter.cli.options import Force, Json, Lang, Plans, Trainer, chosen_language
from holter.cli.start.settings import OTHER_FILE, for_trainings_elsewhere
from holter.cli.studies.words import EXTRA, FILE, same_words
from holter.errors import BadInput
from holter.sentences import NOTHING_STARTED, define

if TYPE_CHECKING:
    from holter.study.records import Job
    from holter.study.study_file import StudyFile

# Words with which every start of a fold would begin again, or only validate.
ONE_START = frozenset({"--restart-from-scratch", "--val"})
EVERY_START = define(
    "error.study-every-start",
    "{words} after -- would be given to every start of every fold, also when a fold is continued: leave it out.",
)
CHANGES_JOB = define(
    "error.study-changes-job", "{words} after -- would train something else: give -tr, -p, -c and -f before it."
)


class Action(str, enum.Enum):
    """What to do with the study."""

    PLAN = "plan"
    RUN = "run"
    STATUS = "status"
    FINISH = "finish"


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
        list[str],
        typer.Argument(
            metavar="DATASET...|FILE.toml",
            help="Numbers or names, as for nnUNetv2_train; or a study file, which says the same and more.",
        ),
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
        typer.Option(
            "--gpus", metavar="INDEX...", help="run: one training on each GPU or MIG slice (UUID); default: all."
        ),
    ] = None,
    slots: Annotated[
        int | None, typer.Option("--slots", metavar="N", min=1, help="run: train on the CPU, N at a time.")
    ] = None,
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="run: start the others even if a training failed.")
    ] = False,
    max_failures: Annotated[
        int, typer.Option("--max-failures", metavar="N", min=0, help="run: start nothing more after N failures.")
    ] = 0,
    retry: Annotated[
        bool,
        typer.Option(
            "--retry",
            help="run: also start what gave up or died before, and what only its log shows as running.",
        ),
    ] = False,
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
    chain: Annotated[
        int | None,
        typer.Option(
            "--chain",
            metavar="N",
            min=2,
            help="run --slurm: for time limits shorter than a training: each is N jobs, one after another.",
        ),
    ] = None,
    service: Annotated[
        bool,
        typer.Option(
            "--service", help="run: only print a service file for systemd, so that this command survives a reboot."
        ),
    ] = False,
    priority: Annotated[
        list[str] | None,
        typer.Option(
            "--priority",
            metavar="WHAT=N...",
            help="plan, run: what starts first: 5=1 (a data set), 3d_fullres=1, 5/2d=2; higher ones first, default 0.",
        ),
    ] = None,
    slurm_options: Annotated[
        str,
        typer.Option("--slurm-options", metavar="OPTIONS", help='run --slurm: "-p gpu --gres=gpu:1 --time=24:0:0".'),
    ] = "",
    notify: Annotated[
        str | None,
        typer.Option("--notify", metavar="ADDRESS", help="run: send a message a day and at the end to this address."),
    ] = None,
    metrics: Annotated[
        list[str] | None,
        typer.Option("--metrics", metavar="textfile:FOLDER", help="run: numbers of the study for the node exporter."),
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            "--ray", metavar="ADDRESS", help="run: on a Ray cluster (auto, HOST:6379); --slots N: N at a time."
        ),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="With status: keep it up to date until Ctrl-C; without a terminal: once.")
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="FILE.html", help="finish: write a report of the whole study, one HTML file."),
    ] = None,
    do: Annotated[
        bool, typer.Option("--do", help="finish: run the commands that it would print, one after another.")
    ] = False,
    force: Force = False,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Many trainings as one: the folds of several configurations and data sets.

    Everything after -- is passed on to nnUNetv2_train: -- --npz. The same command continues after any end; nothing is
    trained twice.
    """
    from holter.cli.studies import fitting, showing
    from holter.cli.studies.starting import folders_for, print_or_send, run_here
    from holter.study.selection import Wanted, jobs_of, jobs_of_file, with_priorities

    language = chosen_language(lang)
    extra: tuple[str, ...] = context.meta.get(EXTRA, ())
    file: StudyFile | None = context.meta.get(FILE)
    named = None if file is None else str(file.path)
    fitting.check(action.value, datasets, _is_given(context), _is_typed(context), named)
    environ = dict(os.environ)
    if file is not None:
        wanted = Wanted(tuple(configurations or ()), tuple(folds or ("0-4",)), trainer, plans)
        jobs = jobs_of_file(file, wanted, environ)
    else:
        jobs = jobs_of(datasets, configurations or (), folds or ("0-4",), environ, trainer=trainer, plans=plans)
    jobs = with_priorities(jobs, priority or ())
    if once := [word for word in extra if word in ONE_START]:
        raise BadInput(EVERY_START(words=shlex.join(once)), safe=NOTHING_STARTED(), next_step="holter study --help")
    if extra and not all(_is_same(job, extra) for job in jobs):
        raise BadInput(CHANGES_JOB(words=shlex.join(extra)), safe=NOTHING_STARTED(), next_step="holter study --help")
    if action is Action.RUN:
        from holter.probes.machine.cgroup import effective_cpus
        from holter.study.local import Settings
        from holter.study.slots import crowded, slots_of

        if service:
            from holter.study.clusters.service import unit_of

            print(unit_of(same_words(sys.argv, "run"), Path.cwd(), os.environ, language, out), end="")
            return
        notes = for_trainings_elsewhere(context.obj, environ)
        if slurm:
            from holter.study.clusters.slurm import Batch

            own = [name for name in environ if name not in os.environ and name != OTHER_FILE]
            print_or_send(
                jobs,
                Batch(out.absolute(), environ, extra=extra, options=slurm_options, variables=own),
                most=slots,
                retry=retry,
                submit_it=submit,
                chain=chain,
                notes=notes,
                language=language,
            )
            return
        trainings = None
        if ray is not None:
            from holter.study.clusters.ray import RayTrainings

            trainings = RayTrainings(ray, out.absolute(), extra, slots)
        places = trainings.slots if trainings is not None else slots_of(gpus or (), slots, environ)
        crowd = crowded(len(places), effective_cpus(), environ) if trainings is None else None
        notes += [] if crowd is None else [crowd]
        settings = Settings(places, out.absolute(), extra, keep_going, max_failures, retry, spacing)
        folders = folders_for(metrics or (), is_typed=_is_typed(context)("metrics"))
        code = run_here(jobs, settings, environ, notes, language, notify=notify, folders=folders, trainings=trainings)
        sys.exit(code)
    if action is Action.FINISH:
        sys.exit(showing.finish(jobs, extra, language, do=do, as_json=as_json, report=report, force=force))
    if action is Action.PLAN:
        showing.plan(jobs, extra, language, as_json=as_json)
    else:
        showing.status(jobs, extra, language, as_json=as_json, watch=watch)


def _is_same(job: Job, extra: tuple[str, ...]) -> bool:
    # Whether the words behind -- leave the fold's folder as it is.
    from holter.texts.training_command import parse_training_command

    training = parse_training_command(("nnUNetv2_train", *job.arguments(extra)))
    return training is not None and training.fold_folder(os.environ) == job.folder


# Where the value of an option comes from decides what an error may say about it.
def _is_typed(context: typer.Context) -> Callable[[str], bool]:
    return lambda name: _source(context, name) == "COMMANDLINE"


def _is_given(context: typer.Context) -> Callable[[str], bool]:
    return lambda name: _source(context, name) not in (None, "DEFAULT")


def _source(context: typer.Context, option: str) -> str | None:
    name = next((each.name for each in context.command.params if f"--{option}" in each.opts), None)
    source = context.get_parameter_source(name) if name is not None else None
    return None if source is None else source.name
