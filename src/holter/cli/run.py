"""``holter run -- CMD``: any training command under supervision."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from holter.cli.listener import Speaker, everybody
from holter.cli.options import TAPE_HELP, Force, Lang, Notify, Sharing, chosen_language, chosen_sharing

NNUNET_PATHS = ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("run", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})(run)


def run(
    command: Annotated[list[str], typer.Argument(help="The command, after --", metavar="-- CMD …", show_default=False)],
    tape: Annotated[
        Path | None, typer.Option("--tape", "-o", help=TAPE_HELP.format("data set, configuration, fold"))
    ] = None,
    force: Force = False,
    heal: Annotated[
        bool,
        typer.Option("--heal", help="Act: replace workers, save checkpoints safely, restart. Else only propose it."),
    ] = False,
    restart_from_scratch: Annotated[
        bool, typer.Option("--restart-from-scratch", help="With --heal: begin again if no checkpoint is usable.")
    ] = False,
    sharing: Sharing = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing on stderr.")] = False,
    notify: Notify = None,
    lang: Lang = None,
) -> None:
    """Run a training command and record it. Its output, signals and exit code pass through unchanged."""
    from holter.reports import live
    from holter.supervisor.run import run as supervise
    from holter.supervisor.signals import die_like
    from holter.supervisor.tape_place import about_command, default_tape

    language = chosen_language(lang)
    speaker = Speaker(language, quiet=quiet)
    missing = [name for name in NNUNET_PATHS if not os.environ.get(name)]
    if missing and "nnunet" in " ".join(command).lower():
        speaker.note(f"nnunet-paths-not-set: {', '.join(missing)} not set; nnU-Net will refuse to start without")
    variables = chosen_sharing(sharing, speaker.note)
    with everybody(speaker, notify, language, shlex.join(command)) as (listener, finish):
        result = supervise(
            tuple(command),
            tape or default_tape(about_command(command), os.environ),
            listener=listener,
            force=force,
            variables=variables,
            heal=heal,
            end_orphans=heal,
            from_scratch=restart_from_scratch,
        )
        finish(result.returncode)
    if result.orphans:
        pids = " ".join(map(str, result.orphans))
        speaker.note(f"{len(result.orphans)} processes of the training are still there; to end them: kill {pids}")
    if not quiet:
        print(live.wrote(str(result.tape), language), file=sys.stderr)
    sys.stdout.flush()
    sys.exit(die_like(result.returncode))
