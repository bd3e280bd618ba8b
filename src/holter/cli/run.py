"""``holter run -- CMD``: run any training command under supervision."""

from __future__ import annotations

import os
import shlex
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holter.cli.options import (
    TAPE_HELP,
    Force,
    Lang,
    MainLimit,
    Metrics,
    NoMainHeal,
    Notify,
    Sharing,
    checked_resume,
    chosen_language,
    chosen_sharing,
)
from holter.cli.running.supervised import Ending
from holter.cli.start.settings import for_training
from holter.sentences import define

if TYPE_CHECKING:
    from holter.cli.running.listener import StderrListener

STILL_THERE = define(
    "run.orphans",
    "{count} processes of the training are still there; to end them: kill {pids}",
    one="{count} process of the training is still there; to end it: kill {pids}",
)
GOES_ON = define(
    "run.goes-on",
    "the command has ended, but process {pid} that it started goes on, and is not recorded any more; to watch it: "
    "holter attach {pid}",
)
PATHS_NOT_SET = define(
    "run.paths-not-set", "nnunet-paths-not-set: {names} not set; nnU-Net will refuse to start without"
)
# Reading /proc and one folder takes less. A slower answer is printed later, while the training runs.
OTHERS_WITHIN_S = 0.5
SETTINGS = {"ignore_unknown_options": True, "allow_interspersed_args": False}


def run(
    context: typer.Context,
    command: Annotated[
        list[str], typer.Argument(help="The command, after --", metavar="-- COMMAND …", show_default=False)
    ],
    tape: Annotated[
        Path | None,
        typer.Option("--tape", "-o", metavar="FILE", help=TAPE_HELP.format("data set, configuration, fold")),
    ] = None,
    force: Force = False,
    heal: Annotated[
        bool,
        typer.Option("--heal", help="Act: replace workers, save checkpoints safely, restart. Else only propose it."),
    ] = False,
    restart_from_scratch: Annotated[
        bool, typer.Option("--restart-from-scratch", help="With --heal: begin again if no checkpoint is usable.")
    ] = False,
    resume_command: Annotated[
        str | None,
        typer.Option(
            "--resume-command",
            metavar="COMMAND",
            help="With --heal: the command that continues the training, where it is not nnUNetv2_train … --c.",
        ),
    ] = None,
    main_limit: MainLimit = None,
    no_main_heal: NoMainHeal = False,
    sharing: Sharing = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing on stderr.")] = False,
    notify: Notify = None,
    metrics: Metrics = None,
    lang: Lang = None,
) -> None:
    """Run a training command and record it. Its output, signals and exit code pass through unchanged."""
    from holter.cli.running.listener import StderrListener
    from holter.cli.running.supervised import supervision
    from holter.reports.live.contract import consequences
    from holter.supervisor.recording.abilities import restart_ability
    from holter.supervisor.recording.tape_place import about_command, default_tape
    from holter.texts.resume_command import resume_command as resume

    language = chosen_language(lang)
    resume_command = checked_resume(resume_command)
    ending = Ending()
    with ending, StderrListener(language, quiet=quiet) as speaker:
        for message in for_training(context.obj, os.environ):
            speaker.note(message)
        _tell_of_paths(command, speaker)
        if heal:
            for consequence in consequences((restart_ability(resume(tuple(command), resume_command)),), language):
                speaker.note(consequence)
        variables = chosen_sharing(sharing, speaker.note)
        _tell_of_others(command, speaker)
        with supervision(
            speaker, ending, language, metrics=metrics, notify=notify, name=shlex.join(command)
        ) as supervise:
            result = supervise(
                command,
                tape or default_tape(about_command(command), os.environ),
                force=force,
                variables=variables,
                heal=heal,
                from_scratch=restart_from_scratch,
                resume=resume_command,
                main_limit_s=main_limit,
                main_heal=not no_main_heal,
            )
        if result.orphans:
            speaker.note(STILL_THERE(count=len(result.orphans), pids=" ".join(map(str, result.orphans))))
        if result.goes_on and not (result.outcome is not None and result.outcome.state == "unwatched"):
            speaker.note(GOES_ON(pid=result.goes_on[0]))
        speaker.wrote(result.tape, is_there=result.tape_is_there)
        speaker.closing(result.outcome)
    ending.leave()


def _tell_of_paths(command: list[str], speaker: StderrListener) -> None:
    # Only for nnU-Net's own command: a script may set the variables itself.
    from holter.texts.training_command import NNUNET_PATHS, parse_training_command

    is_nnunet = Path(command[0]).name.startswith(("python", "nnUNetv2_train"))
    if not is_nnunet or parse_training_command(command) is None:
        return
    missing = [name for name in NNUNET_PATHS if not os.environ.get(name)]
    if missing:
        speaker.note(PATHS_NOT_SET(names=", ".join(missing)))


def _tell_of_others(command: list[str], speaker: StderrListener) -> None:
    # The command waits neither for other folds nor for a file server that does not answer.
    from holter.linux.signals import start_without_signals
    from holter.supervisor.folds.preparation import random_split, who_else
    from holter.texts.training_command import parse_training_command

    training = parse_training_command(command)
    if training is None:
        return

    def tell() -> None:
        with suppress(OSError):
            for warning in (random_split(training, os.environ), who_else(training, os.environ)):
                if warning is not None:
                    speaker.note(warning)

    thread = threading.Thread(target=tell, name="holter-others", daemon=True)
    with suppress(RuntimeError):  # no more threads for this user: the command is what matters
        start_without_signals(thread)
        thread.join(OTHERS_WITHIN_S)
