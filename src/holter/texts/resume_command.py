"""The command that resumes a training: the same answer for the supervisor, remedies and reports.

A command is resumed by ``--c`` at the end of nnU-Net's own arguments. That is safe if these are the last words of
the command line, and if the programs before it pass them on unchanged, as ``srun``, ``conda run``, ``torchrun`` or
``nice`` do (see ``launchers``). A shell takes its script as one word; ``bash -c '…' --c`` would drop the option and
train from epoch 0 over the old files.
"""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Sequence
from pathlib import PurePath
from typing import NamedTuple

from holter.patterns import later
from holter.records import Message
from holter.sentences import define
from holter.texts.launchers import program_place, stranger
from holter.texts.training_command import parse_training_command, words_before_training

SHELLS = frozenset({"sh", "bash", "zsh", "dash", "ksh", "fish", "csh", "tcsh", "ash"})
# Characters that make a script more than one plain command; a comment would swallow the option.
_CONTROL = later(r"[;&|<>()`\n#]|\$\{")
# Characters that only the shell that runs a script can expand.
_EXPANSION = later(r"[$~*?\[{]")
# nnU-Net refuses it beside --c, and the checkpoint already contains its effect.
PRETRAINED = "-pretrained_weights"
ENTRY = "holter.trainer.entry"
# Options that ``holter train`` adds to the arguments of nnU-Net.
_OWN_OPTIONS = ("--loader",)
_OWN_FLAGS = ("--strict",)

# Values that mean another file, or none, in another folder: of a path, or of a file that a program reads.
_RELATIVE = later(r"^(?![/~$-]|\w+://)(?:.*/|.*\.(?:py|sh|bash|json|ya?ml|toml|ini|cfg|txt|pth|pt|sif|simg)$)")
# Programs that mean the same in any folder. Others, such as ``make`` or ``python train``, look for files there.
_ANYWHERE = later(r"[/~$]|(?:nnUNet(?:v2)?_|mednextv1_)\w+$|holter$|nnunetv2\.")
_OF_A_PROJECT = frozenset({"uv", "poetry", "pixi", "pipenv", "pdm", "hatch", "rye"})
# A module that Python may find only in the folder in which it is started.
_MODULE = later(r"(?!(?:nnunetv2|holter|torch|accelerate)\b)[A-Za-z_][\w.]*$")

NO_TRAINING = define(
    "resume.no-training", "the command is not nnUNetv2_train, and which option continues it is not known"
)
SHELL_SCRIPT = define(
    "resume.shell-script", "the command is a shell script, and which part of it continues the training is not known"
)
LAUNCHER_UNKNOWN = define(
    "resume.launcher-unknown", "whether {program} passes {option} on to nnU-Net unchanged is not known"
)
NOT_AGAIN = define(
    "resume.not-started-again",
    "the training has ended, and Holter does not start it again: {why}; --resume-command CMD names a command",
)


class Resume(NamedTuple):
    """How to resume: a command, or the reason why none is known."""

    command: tuple[str, ...] | None
    why_not: Message | None = None
    is_given: bool = False  # by the user: used unchanged
    folder: str | None = None  # in which the training was started; None: unknown

    @property
    def text(self) -> str | None:
        """The command as typed in a shell, in any folder; None if none is known."""
        return None if self.command is None else in_folder(self.command, self.folder) + printed(self.command)


def resume_command(command: Sequence[str], given: str | None = None, folder: str | None = None) -> Resume:
    """Return the command that resumes from the latest checkpoint.

    ``given``: the user's own (``--resume-command``), used unchanged. ``folder``: in which the training was started.
    """
    if given:
        return Resume(tuple(shlex.split(given)), is_given=True, folder=folder)
    return _with_option(command, "--c")._replace(folder=folder)


def validate_command(command: Sequence[str]) -> Resume:
    """Return the command that repeats only the final validation."""
    return _with_option(command, "--val")


def printed(command: Sequence[str]) -> str:
    """Format a command as typed in a shell; a run of ``holter train`` is printed as ``holter train``."""
    words = list(command)
    if ENTRY in words and words[words.index(ENTRY) - 1] == "-m":
        return shlex.join(["holter", "train", *_without_ours(words[words.index(ENTRY) + 1 :])])
    return shlex.join(words)


def in_folder(command: Sequence[str], folder: str | None) -> str:
    """Return what a shell must do before a command that was started in ``folder``: "cd FOLDER && ", or nothing.

    Nothing if the folder is unknown, or if the command means the same in any folder.
    """
    return f"cd {shlex.quote(folder)} && " if folder and _needs_folder(command) else ""


def _needs_folder(command: Sequence[str]) -> bool:
    if ENTRY in command:  # printed as ``holter train``
        return _has_relative_path(command[list(command).index(ENTRY) + 1 :])
    words = training_words(command)
    place = program_place(words, behind_python=True)
    if place == len(words) or _ANYWHERE.match(words[place]) is None:
        return True
    return not _OF_A_PROJECT.isdisjoint(PurePath(word).name for word in words[:place]) or _has_relative_path(command)


def _has_relative_path(command: Sequence[str]) -> bool:
    words = [part.strip("'\"") for word in command for part in word.split()]  # also those of a script
    modules = [name for option, name in itertools.pairwise(words) if option == "-m"]
    folders = [f"{name}/" for option, name in itertools.pairwise(words) if option in ("-i", "-o")]
    values = (word.rpartition("=")[2] for word in words)
    return any(map(_RELATIVE.match, (*values, *folders))) or any(map(_MODULE.match, modules))


def _with_option(command: Sequence[str], option: str) -> Resume:
    script = _script_of(command)
    if script is not None:
        return _in_script(command, script, option)
    parsed = parse_training_command(command)
    if parsed is None:
        return Resume(None, NO_TRAINING())
    program = stranger(words_before_training(command))
    if program is not None:
        return Resume(None, LAUNCHER_UNKNOWN(program=program, option=option))
    words = _without_pretrained(command)
    has_it = parsed.validation_only or (option == "--c" and parsed.continued)
    return Resume(tuple(words) if has_it else (*words, option))


def _script_of(command: Sequence[str]) -> int | None:
    # Place of the script in ``bash -c SCRIPT``, also behind ``env`` or ``srun``; None without a shell.
    for place, word in enumerate(command):
        name = PurePath(word).name
        if name.startswith(("nnUNet", "python")):
            return None
        if name in SHELLS:
            return _script_after(command, place)
    return None


def _script_after(command: Sequence[str], shell: int) -> int:
    for place in range(shell + 1, len(command)):
        word = command[place]
        if not word.startswith(("-", "+")):
            return place  # a file, or the value of an option: its content is unknown too
        if not word.startswith("--") and "c" in word:
            return min(place + 1, len(command) - 1)
    return shell


def training_words(command: Sequence[str]) -> tuple[str, ...]:
    """Return the words of the command that trains, also from a shell script; empty if unknown."""
    place = _script_of(command)
    if place is None:
        return tuple(command)
    return () if _EXPANSION.search(command[place]) else tuple(_plain_command(command[place]))


def _plain_command(script: str) -> list[str]:
    # The words of a script that is one call of nnU-Net's training; empty for any other script.
    try:
        words = [] if _CONTROL.search(script) else shlex.split(script)
    except ValueError:
        return []
    program = "".join(words[program_place(words) :][:1])
    return words if PurePath(program).name.startswith(("nnUNet", "python", "holter")) else []


def _in_script(command: Sequence[str], place: int, option: str) -> Resume:
    # If the script is one plain nnU-Net command, the option goes inside; for any other script none is known.
    script = command[place]
    parsed = parse_training_command(_plain_command(script))
    if parsed is None or PRETRAINED[:3] in script:
        return Resume(None, SHELL_SCRIPT())
    shell = next(at for at, word in enumerate(command) if PurePath(word).name in SHELLS)
    program = stranger(command[:shell]) or stranger(words_before_training(_plain_command(script)))
    if program is not None:
        return Resume(None, LAUNCHER_UNKNOWN(program=program, option=option))
    if parsed.validation_only or (option == "--c" and parsed.continued):
        return Resume(tuple(command))
    changed = (*command[:place], f"{script.rstrip()} {option}", *command[place + 1 :])
    return Resume(changed)


def _without_pretrained(command: Sequence[str]) -> list[str]:
    words: list[str] = []
    rest = iter(command)
    for word in rest:
        name, equals, _ = word.partition("=")
        if len(name) > len("-p") + 1 and PRETRAINED.startswith(name):
            if not equals:
                next(rest, None)
            continue
        words.append(word)
    return words


def _without_ours(arguments: Sequence[str]) -> list[str]:
    words: list[str] = []
    rest = iter(arguments)
    for word in rest:
        if word in _OWN_OPTIONS:
            # ``auto`` is the default; another one was chosen by the user and is kept.
            value = next(rest, "")
            words += [] if value == "auto" else [word, value]
        elif word in (*_OWN_FLAGS, "--c"):
            words += [word] if word != "--c" else []
        else:
            words.append(word)
    return words
