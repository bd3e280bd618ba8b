"""``holter train DATASET CONFIGURATION FOLD …``: nnU-Net training with supervision and healing."""

from __future__ import annotations

import os
import shlex
import sys
from contextlib import ExitStack, closing
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from holter.cli.help.page import HelpfulCommand
from holter.cli.options import (
    TAPE_HELP,
    Force,
    Lang,
    MainLimit,
    Metrics,
    NoMainHeal,
    Notify,
    Sharing,
    chosen_language,
    chosen_sharing,
)
from holter.cli.running.supervised import Ending
from holter.cli.start.settings import for_training, options_from_files

if TYPE_CHECKING:
    from holter.records import Tick
    from holter.supervisor.folds.lock_state import About

# No short options: nnU-Net has -tr, -p, -device and more, and click would parse ours out of them.
SETTINGS = {"ignore_unknown_options": True, "help_option_names": ["--help"]}


class TrainCommand(HelpfulCommand):
    """Takes ``-h`` and ``-o`` as whole words; as an option ``-h`` would also be found in ``-pretrained_weights``."""

    short = {"-h": "--help", "-o": "--tape", "-q": "--quiet"}  # noqa: RUF012 - typer's class has no such annotations

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments, as in the base class."""
        return super().parse_args(ctx, [self.short.get(word, word) for word in args])


# The training prints its own messages (trainer/loader_log.py) in the same language.
LANGUAGE = "HOLTER_LANG"


class DataLoader(str, Enum):
    AUTO = "auto"
    HOLTER = "holter"
    STOCK = "stock"


def train(
    context: typer.Context,
    arguments: Annotated[
        list[str],
        typer.Argument(
            help="As nnUNetv2_train takes them: data set, configuration, fold, -tr, -p, -device, --npz …",
            metavar="DATASET CONFIGURATION FOLD …",
            show_default=False,
        ),
    ],
    restart_from_scratch: Annotated[
        bool, typer.Option("--restart-from-scratch", help="Begin at epoch 0; checkpoints that exist are kept aside.")
    ] = False,
    unless_done: Annotated[
        bool,
        typer.Option("--unless-done", help="End with exit code 0 at once if the fold is trained and validated."),
    ] = False,
    main_limit: MainLimit = None,
    no_main_heal: NoMainHeal = False,
    sharing: Sharing = None,
    loader: Annotated[
        DataLoader,
        typer.Option(
            "--loader",
            metavar="auto|holter|stock",
            help="Whose data loader: Holter's, without worker processes, or nnU-Net's own. auto: Holter's where it is "
            "proved to do the same on your data and measured to be clearly faster (15 s, once per fold).",
        ),
    ] = DataLoader.AUTO,
    again: Annotated[
        bool, typer.Option("--again", help="With --loader auto: measure again, whatever was chosen for the fold.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at a case that cannot be read, instead of training without it.")
    ] = False,
    tape: Annotated[
        Path | None, typer.Option("--tape", metavar="FILE", help=TAPE_HELP.format("data set, configuration, fold"))
    ] = None,
    force: Force = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing on stderr.")] = False,
    notify: Notify = None,
    metrics: Metrics = None,
    lang: Lang = None,
) -> None:
    """Run nnUNetv2_train with safe checkpoints, automatic worker replacement and restarts.

    Run the same command again to continue from the newest verified checkpoint. SIGUSR1 or SIGTERM: save, end, exit
    code 75 (requeue). Exit code 76: healing did not help, a person must look. Folds may be started together: while one
    writes splits_final.json or unpacks the data, the others wait for it.
    """
    from holter.cli.running.after import write_report
    from holter.cli.running.listener import StderrListener
    from holter.cli.running.supervised import supervision
    from holter.cli.running.waiting import Waits
    from holter.probes.process.lock_holders import spelled
    from holter.probes.process.spawned_ranks import VARIABLE as FOLD_LOCK
    from holter.study.seats import inherited
    from holter.supervisor.folds.fold_lock import LEFT_WORKERS_ENDED, TAKEN
    from holter.supervisor.folds.lock_state import host_of
    from holter.supervisor.folds.patience import Asked, Elsewhere, Patience
    from holter.supervisor.folds.preparation import Preparation, random_split
    from holter.supervisor.recording.tape_place import about_training, default_tape, refuse_existing
    from holter.supervisor.signals import die_like
    from holter.supervisor.train import NothingLeft, forget_choice, lock_of, make_order, read_arguments

    language = chosen_language(lang)
    training, folder = read_arguments(tuple(arguments), os.environ)
    refuse_existing(tape, force=force)
    own_options = ("--loader", loader.value, *(("--strict",) if strict else ()))
    ending = Ending()
    warned: list[About] = []

    def is_used(option: str) -> bool:
        source = context.get_parameter_source(option.replace("-", "_"))
        return source is not None and source.name == "DEFAULT_MAP"

    def see(tick: Tick) -> None:
        preparation.see(tick)
        if lock.taken_by is not None and not warned:
            warned.append(lock.taken_by)
            speaker.note(TAKEN(folder=str(folder), pid=str(lock.taken_by.get("pid")), host=host_of(lock.taken_by)))

    seat = inherited(os.environ)
    with ending, StderrListener(language, quiet=quiet) as speaker:
        for message in (*for_training(context.obj, os.environ), *options_from_files(context.obj, "train", is_used)):
            speaker.note(message)
        variables = {**chosen_sharing(sharing, speaker.note), LANGUAGE: language}
        try:
            with ExitStack() as stack:
                supervise = stack.enter_context(
                    supervision(speaker, ending, language, metrics=metrics, notify=notify, name=shlex.join(arguments))
                )
                with Patience() as patience:
                    elsewhere = Elsewhere(patience, speaker.note)
                    lock = stack.enter_context(closing(lock_of(folder, elsewhere, unless_done=unless_done)))
                    variables[FOLD_LOCK] = spelled(lock.path)
                    if lock.ended:
                        speaker.note(LEFT_WORKERS_ENDED(count=len(lock.ended)))
                    waits = stack.enter_context(closing(Waits(speaker, language, quiet=quiet)))
                    preparation = stack.enter_context(closing(Preparation(training, os.environ, waits)))
                    preparation.wait(patience)
                    waits.close()
                    order = make_order((*arguments, *own_options), training, folder, from_scratch=restart_from_scratch)
                if again:
                    forget_choice(folder)
                for note in (random_split(training, os.environ), *order.notes, order.continues):
                    if note is not None:
                        speaker.note(note)
                result = supervise(
                    order.command,
                    tape or default_tape(about_training(training), os.environ),
                    force=force,
                    variables=variables,
                    heal=True,
                    requeue=True,
                    main_limit_s=main_limit,
                    main_heal=not no_main_heal,
                    keep_fds=(lock.fd, *seat),
                    on_tick=see,
                )
        except (Asked, NothingLeft) as end:
            speaker.note(end.what)
            speaker.close()
            sys.exit(die_like(end.returncode))
        speaker.wrote(result.tape, is_there=result.tape_is_there)
        if not quiet and result.tape_is_there:
            write_report(result.tape, result.returncode, language, speaker)
        speaker.closing(result.outcome)
    ending.leave()
