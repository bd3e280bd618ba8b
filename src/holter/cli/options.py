"""Options that several commands share."""

from __future__ import annotations

import enum
import itertools
import json
import os
import shlex
import shutil
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from holter.cli.start import standard_streams
from holter.errors import BadInput
from holter.records import Text
from holter.sentences import NOTHING_STARTED, define

UNREADABLE = define("error.resume-unreadable", "it cannot be read ({error})")
EMPTY = define("error.resume-empty", "it is empty")
FOR_A_SHELL = define("error.resume-for-a-shell", "it is started without a shell, and {operator} is for a shell")
NO_SUCH_COMMAND = define("error.resume-no-command", "there is no command {command}")
NOT_STARTABLE = define("error.resume-not-startable", "--resume-command {option} could not be started: {why}.")

TAPE_HELP = (
    "Where to record. Default: a new file in the current folder, else in ~/.local/state/holter, "
    "named after {}, host, time and PID."
)
Lang = Annotated[
    str | None, typer.Option("--lang", help="en or zh (Simplified Chinese); default from the locale.", metavar="LANG")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
Scrub = Annotated[bool, typer.Option("--scrub", help="Replace paths, names and case identifiers by pseudonyms.")]
Force = Annotated[bool, typer.Option("--force", help="Overwrite a file that exists.")]

# The training that a command is about, in nnU-Net's words.
Dataset = Annotated[str, typer.Argument(metavar="DATASET", help="Number or name, as for nnUNetv2_train.")]
Configuration = Annotated[str, typer.Argument(metavar="CONFIGURATION", help="2d, 3d_fullres, …")]
Fold = Annotated[str, typer.Option("--fold", "-f", metavar="FOLD", help="0 to 4, or all.")]
Plans = Annotated[str, typer.Option("--plans", "-p", metavar="NAME", help="Name of the plans.")]
Trainer = Annotated[str, typer.Option("--trainer", "-tr", metavar="NAME", help="Name of the trainer class.")]
Python = Annotated[
    str | None,
    typer.Option("--python", metavar="PATH", help="Python (or folder) of the environment that nnU-Net is in."),
]
Anyway = Annotated[bool, typer.Option("--anyway", help="Measure even if others use this machine.")]

Notify = Annotated[
    str | None,
    typer.Option(
        "--notify", metavar="ADDRESS", help="Send what happens to a webhook (https://…) or a service (ntfy:TOPIC)."
    ),
]

Metrics = Annotated[
    list[str] | None,
    typer.Option(
        "--metrics",
        metavar="TO",
        help="Metrics for Prometheus: a port, ADDRESS:PORT, or textfile:FOLDER for the node exporter.",
    ),
]

MainLimit = Annotated[
    float | None,
    typer.Option(
        "--main-limit",
        metavar="SECONDS",
        min=30.0,
        help="Restart after this time without progress, even while the main process computes. Default: only a main "
        "process that does nothing at all is restarted, after 15 minutes or 10 times its longest step.",
    ),
]
NoMainHeal = Annotated[
    bool, typer.Option("--no-main-heal", help="Never restart because the main process is stalled; only say so.")
]


class SharingStrategy(str, enum.Enum):
    """How a data worker passes tensors to the training; the names are torch's."""

    file_system = "file_system"
    file_descriptor = "file_descriptor"


class FailOn(str, enum.Enum):
    """Which episodes make ``diagnose`` exit with 1."""

    open = "open"
    unhealed = "unhealed"
    any = "any"
    never = "never"

    def fails(self, fates: Sequence[str]) -> bool:
        """Return whether one of these fates (of the episodes) makes the command exit with 1."""
        counts = {"open": ("open",), "unhealed": ("open", "over"), "any": ("open", "over", "healed"), "never": ()}
        return any(fate in counts[self.value] for fate in fates)


Sharing = Annotated[
    SharingStrategy | None,
    typer.Option(
        "--sharing",
        metavar="file_system|file_descriptor",
        help="How data workers hand tensors over: file_system keeps one frozen worker from stopping the others. "
        "Default: torch's own.",
    ),
]


def chosen_sharing(option: SharingStrategy | None, note: Callable[[Text], None]) -> dict[str, str]:
    """Return the variable that sets the chosen strategy.

    ``note`` is called with the reason if the strategy does not suit this machine.
    """
    if option is None:
        return dict(os.environ)
    from holter.supervisor.sharing import trouble_with

    trouble = trouble_with(option.value)
    if trouble is not None:
        note(trouble)
    return {**os.environ, "HOLTER_SHARING": option.value}


def checked_resume(option: str | None) -> str | None:
    """Return the value of ``--resume-command`` unchanged, after a check that it can be started without a shell.

    It is checked now because it is needed only hours later. Nothing is started.

    Raises:  BadInput if it cannot be split into words, is empty, has an operator of a shell, or names no command.
    """
    if option is None:
        return None
    try:
        words = shlex.split(option)
        lexer = shlex.shlex(option, posix=True, punctuation_chars=True)
        lexer.whitespace_split, lexer.commenters = True, ""
        operator = next((word for word in lexer if not word.strip("();<>|&")), None)
    except ValueError as error:
        raise _not_started(UNREADABLE(error=str(error)), option) from error
    if not words:
        raise _not_started(EMPTY(), option)
    if operator is not None:
        raise _not_started(FOR_A_SHELL(operator=operator), option)
    if shutil.which(words[0]) is None:
        raise _not_started(NO_SUCH_COMMAND(command=repr(words[0])), option)
    return option


def _not_started(why: Text, option: str) -> BadInput:
    return BadInput(
        NOT_STARTABLE(option=repr(option), why=why),
        safe=NOTHING_STARTED(),
        next_step="""--resume-command "bash -c 'cd /x && python train.py --resume'\"""",
    )


# Their pages and documents are written in UTF-8, whatever the terminal can show.
IN_FILES = ("report", "web", "metrics", "export")
_in_english = False


def chosen_language(option: str | None) -> Literal["en", "zh"]:
    """Return the language of ``--lang``, or that of the locale; English after ``fall_back``."""
    from holter.reports.catalogue import language

    wanted = language(option, os.environ)
    return "en" if _in_english else wanted


def fall_back(arguments: Sequence[str]) -> str | None:
    """Use English from now on if the output would be Chinese and its encoding has no Chinese; return that encoding.

    None if all is well, or if what is Chinese goes into a file.
    """
    global _in_english
    encoding = standard_streams.without("中文")
    command = next((word for word in arguments if not word.startswith("-") and word not in ("zh", "en")), "")
    if encoding is None or "--json" in arguments or command in IN_FILES or spoken_language(arguments) != "zh":
        return None
    _in_english = True
    return encoding


def spoken_language(arguments: Sequence[str]) -> Literal["en", "zh"]:
    """Return the language of ``--lang`` in arguments that may be unparsed or invalid, or that of the locale."""
    from holter.errors import BadInput
    from holter.reports.catalogue import language

    words = list(arguments[: arguments.index("--")] if "--" in arguments else arguments)
    given = [word.partition("=")[2] for word in words if word.startswith("--lang=")]
    given += [after for option, after in pairwise(words) if option == "--lang"]
    try:
        wanted = language(given[-1] if given else None, os.environ)
    except BadInput:
        wanted = language(None, os.environ)
    return "en" if _in_english else wanted


def before_the_command(arguments: Sequence[str]) -> Literal["en", "zh"] | None:
    """Return the language of a ``--lang`` before the command, as in ``holter --lang zh list``; None without one."""
    options = itertools.takewhile(
        lambda pair: pair[1].startswith("-") or pair[0] == "--lang", pairwise(["", *arguments])
    )
    words = [word for _, word in options]
    is_given = any(word.partition("=")[0] == "--lang" for word in words)
    return spoken_language(words) if is_given else None


def print_json(document: Any) -> None:
    """Print one JSON document, for people too: indented, and with Chinese as it is."""
    print(json.dumps(document, ensure_ascii=False, indent=2))


def tape_name(tape: Path) -> str:
    """Return the tape's file name without ``.holter``, for files made from it.

    Any other ending is kept: ``run.1`` and ``run.2`` are different tapes, so their files need different names.
    """
    return tape.stem if tape.suffix == ".holter" else tape.name


def long_options(parameters: Iterable[Any]) -> dict[str, Any]:
    """Return the options of a command, by their names without dashes."""
    return {max(each.opts, key=len).lstrip("-"): each for each in parameters if each.param_type_name == "option"}
