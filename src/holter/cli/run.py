"""``holter run -- CMD``: any training command under supervision."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from holter.cli.listener import Speaker, everybody
from holter.cli.options import TAPE_HELP, Force, Lang, Notify, Sharing, chosen_language, chosen_sharing

# A look at /proc and one folder takes less; what takes longer is said later, beside the training.
OTHERS_WITHIN_S = 0.5
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
    _tell_of_others(command, speaker)
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


def _tell_of_others(command: list[str], speaker: Speaker) -> None:
    """Say who prepares the same data now. The command waits for nobody, nor for a file server that does not answer."""
    from holter.probes.training_command import parse_training_command
    from holter.supervisor.preparation import who_else
    from holter.supervisor.signals import FORWARDED

    training = parse_training_command(command)
    if training is None:
        return

    def tell() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {*FORWARDED, signal.SIGCHLD})  # they are for the main thread
        with suppress(OSError):
            told = who_else(training, os.environ)
            if told is not None:
                speaker.note(told)

    thread = threading.Thread(target=tell, name="holter-others", daemon=True)
    thread.start()
    thread.join(OTHERS_WITHIN_S)
