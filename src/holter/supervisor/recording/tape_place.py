"""The default tape: a name that identifies the training, in the first writable folder."""

from __future__ import annotations

import contextlib
import datetime
import os
import re
import shlex
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path, PurePath
from typing import NamedTuple

from holter.errors import FolderNotWritable
from holter.probes.process.process_roles import is_python
from holter.records import Message, Text
from holter.sentences import define
from holter.supervisor.folds.fold_lock import CANNOT_WRITE_IN
from holter.supervisor.registry_file import reason
from holter.supervisor.state_folder import make_private, state_folders
from holter.tape import TapeWriter
from holter.tape.opening import cannot_write, taken
from holter.tape.remote_writer import NO_ANSWER, RemoteWriter, answers, new_writer
from holter.texts.training_command import TrainingCommand, parse_training_command

NAME_A_PLACE = define("next.name-a-place", "Name a place with --tape FILE.")
ELSEWHERE = define("tape.elsewhere", "the current folder cannot be written to ({why}); the tape goes to {folder}")

# Three parts of a training, host, time, PID and SQLite's suffix stay below the 255 bytes of a name.
MOST_CHARS = 40
UNNAMED = "training"


class DefaultTape(NamedTuple):
    """A default name and the folders to try. If the name exists, a number is added; unusable folders are skipped."""

    name: str
    folders: Iterable[Path]  # iterated once


def default_tape(about: str, environ: Mapping[str, str]) -> DefaultTape:
    """Return ``ABOUT-HOST-TIME-PID.holter`` in the current folder, else in the state folder."""
    moment = datetime.datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    host = _safe(socket.gethostname().partition(".")[0]) or "host"
    name = f"{about}-{host}-{moment}-{os.getpid()}.holter"
    return DefaultTape(name, chain([Path()], state_folders(environ)))


def about_command(command: Sequence[str]) -> str:
    """Return ``Dataset004-3d_fullres-fold0`` for a command of nnU-Net, else the name of the program or script."""
    training = parse_training_command(command) or _in_a_shell(command)
    return about_training(training) if training is not None else _safe(_program(command)) or UNNAMED


def about_training(training: TrainingCommand) -> str:
    """Return the name of a training: ``Dataset004-3d_fullres-fold0``."""
    number = training.dataset.removeprefix("Dataset").partition("_")[0]
    dataset = f"Dataset{int(number):03d}" if number.isascii() and number.isdigit() else training.dataset
    parts = (_safe(dataset), _safe(training.configuration), f"fold{_safe(training.fold)}")
    return "-".join(filter(None, parts))


def open_tape(tape: Path | DefaultTape, *, force: bool, say: Callable[[Message], None]) -> TapeWriter | RemoteWriter:
    """Open the tape that the user named, or a default one, for writing.

    ``force``: replace an existing tape that the user named; a default name that exists gets a number instead. ``say``
    is called with a message if the first default folder cannot be used.

    Raises:  TapeExists, FolderNotWritable.
    """
    if isinstance(tape, Path):
        return new_writer(tape, force=force)
    why: Text | None = None  # why the first folder is unusable
    failed: FolderNotWritable | None = None
    full: TapeWriter | RemoteWriter | None = None  # no space there now: better than no recording at all
    for folder in tape.folders:
        try:
            if folder != Path():
                if not answers(folder):
                    raise cannot_write(folder / tape.name, NO_ANSWER())
                make_private(folder)
            writer = new_writer(folder / tape.name, numbered=True)
        except (FolderNotWritable, OSError) as error:
            failed = failed or _not_writable(folder, error)
            why = why or reason(failed.__cause__ or failed)
            continue
        if writer.problem is not None:
            why = why or writer.problem
            if full is None:
                full = writer
            else:
                writer.close(0.0)
            continue
        if full is not None:
            full.close(0.0)
        if why is not None:
            say(ELSEWHERE(why=why, folder=str(folder)))
        return writer
    if full is not None:
        return full
    assert failed is not None
    raise failed


def refuse_existing(tape: Path | None, *, force: bool) -> None:
    """Check that the tape that the user named does not exist yet, before anything that takes long.

    Raises:  TapeExists.
    """
    if tape is not None and not force and answers(tape) and tape.exists():
        raise taken(tape)


def _not_writable(folder: Path, error: Exception) -> FolderNotWritable:
    if isinstance(error, FolderNotWritable):
        return error
    refusal = FolderNotWritable(CANNOT_WRITE_IN(folder=str(folder), error=str(error)), next_step=NAME_A_PLACE())
    refusal.__cause__ = error
    return refusal


def _in_a_shell(command: Sequence[str]) -> TrainingCommand | None:
    # The training in ``bash -c "…"``, if it is written out there: not in a loop over folds.
    for word in command:
        if any(space in word for space in (" ", "\n")) and "$" not in word:
            with contextlib.suppress(ValueError):  # unbalanced quotes
                training = parse_training_command(shlex.split(re.sub(r"[;&|\n]+", " ; ", word)))
                if training is not None:
                    return training
    return None


def _program(command: Sequence[str]) -> str:
    # ``my_train`` for ``python3 -u my_train.py``, ``pkg.train`` for ``python -m pkg.train``, ``bash`` for bash.
    name = PurePath(command[0]).name if command else ""
    if is_python(command):
        words = iter(command[1:])
        for word in words:
            if word == "-m":
                return next(words, name)
            if not word.startswith("-"):
                return PurePath(word).name.removesuffix(".py")
            if word == "-c":
                break
            if word in ("-W", "-X"):
                next(words, None)
    return name


def _safe(text: str) -> str:
    # Valid on every file system, and no first letter that ``ls`` or a command would interpret.
    return re.sub(r"[^A-Za-z0-9_.]+", "_", text)[:MOST_CHARS].strip("_.")
