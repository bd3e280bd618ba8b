"""``holter run -- CMD``: any training command under supervision."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Annotated

import typer

from holter.cli.ending import Ending
from holter.cli.listener import Speaker, everybody
from holter.cli.options import (
    Force,
    Lang,
    MainLimit,
    NoMainHeal,
    Notify,
    Sharing,
    chosen_language,
    chosen_sharing,
    default_tape,
)
from holter.sentences import define

STILL_THERE = define("run.orphans", "{count} processes of the training are still there; to end them: kill {pids}")
NNUNET_PATHS = ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("run", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})(run)


def run(
    command: Annotated[list[str], typer.Argument(help="The command, after --", metavar="-- CMD …", show_default=False)],
    tape: Annotated[
        Path | None, typer.Option("--tape", "-o", help="Where to record (default: run-TIME.holter).")
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
            metavar="CMD",
            help="With --heal: the command that continues the training, where it is not nnUNetv2_train … --c.",
        ),
    ] = None,
    main_limit: MainLimit = None,
    no_main_heal: NoMainHeal = False,
    sharing: Sharing = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing on stderr.")] = False,
    notify: Notify = None,
    lang: Lang = None,
) -> None:
    """Run a training command and record it. Its output, signals and exit code pass through unchanged."""
    from holter.probes.resume_command import resume_command as resume
    from holter.reports import live
    from holter.supervisor.contract import restart_ability
    from holter.supervisor.run import run as supervise

    language = chosen_language(lang)
    ending = Ending()
    with ending, Speaker(language, quiet=quiet) as speaker:
        missing = [name for name in NNUNET_PATHS if not os.environ.get(name)]
        if missing and "nnunet" in " ".join(command).lower():
            speaker.note(f"nnunet-paths-not-set: {', '.join(missing)} not set; nnU-Net will refuse to start without")
        if heal:
            told = live.cannot_restart(restart_ability(resume(tuple(command), resume_command)), language)
            if told is not None:
                speaker.note(told.removeprefix(f"{live.PREFIX} "))
        variables = chosen_sharing(sharing, speaker.note)
        path = tape if tape is not None else default_tape("run")
        with everybody(speaker, notify, language, shlex.join(command)) as (listener, finish):
            result = supervise(
                tuple(command),
                path,
                listener=listener,
                force=force,
                variables=variables,
                heal=heal,
                end_orphans=heal,
                from_scratch=restart_from_scratch,
                resume=resume_command,
                main_limit_s=main_limit,
                main_heal=not no_main_heal,
            )
            ending.settle(result.returncode)
            finish(result.returncode)
        if result.orphans:
            speaker.note(STILL_THERE(count=len(result.orphans), pids=" ".join(map(str, result.orphans))))
        speaker.wrote(path, is_there=result.tape_is_there)
    ending.leave()
