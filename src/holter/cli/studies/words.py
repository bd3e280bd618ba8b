"""The words of ``holter study``: several values after one option, as people type them; or a study file."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holter.cli.help.page import HelpfulCommand
from holter.cli.options import long_options
from holter.cli.studies.fitting import TWO_FILES
from holter.errors import BadInput
from holter.sentences import NOTHING_STARTED

if TYPE_CHECKING:
    from holter.study.study_file import StudyFile

# What stands behind ``--`` is for nnUNetv2_train.
EXTRA = "holter.study.extra"
# What a study file says.
FILE = "holter.study.file"
ACTIONS = ("plan", "run", "status", "finish")
SEVERAL = ("-c", "--configurations", "-f", "--folds", "--gpus", "--priority")


# These choose what is begun again, sent or overwritten: never by a line in a file that was forgotten.
NEVER_IN_FILE = ("retry", "submit", "service", "priority", "watch", "json", "lang", "report", "force", "do")


class StudyCommand(HelpfulCommand):
    """Takes ``-c 2d 3d_fullres`` as ``-c 2d -c 3d_fullres``, keeps the words after ``--``, and reads a study file."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments, as in the base class."""
        own = args[: args.index("--")] if "--" in args else args
        ctx.meta[EXTRA] = tuple(args[len(own) + 1 :])
        files = [word for word in own[1:] if not word.startswith("-") and word.lower().endswith(".toml")]
        if files and ctx.resilient_parsing is False:
            file = self._read(ctx, files)
            ctx.meta[FILE] = file
            ctx.meta[EXTRA] = ctx.meta[EXTRA] or file.extra
        return super().parse_args(ctx, spread(own))

    def _read(self, ctx: Any, files: list[str]) -> StudyFile:
        # Its options become defaults, so that the command line has priority.
        from holter.study import study_file

        if len(files) > 1:
            raise BadInput(
                TWO_FILES(words=tuple(files)),
                safe=NOTHING_STARTED(),
                next_step=f"holter study plan {shlex.quote(files[0])}",
            )
        options = long_options(self.params)
        known = [name for name in options if name not in NEVER_IN_FILE]
        file = study_file.read(Path(files[0]), known)

        def convert(name: str, value: Any) -> Any:
            parameter = options[name]
            if parameter.multiple:
                return [str(each) for each in (value if isinstance(value, (list, tuple)) else [value])]
            if isinstance(value, (list, tuple, dict)) or (isinstance(value, bool) and not parameter.is_flag):
                raise ValueError(type(value).__name__)
            try:
                parameter.process_value(ctx, value)
            except Exception as error:
                if not hasattr(error, "format_message"):
                    raise
                raise ValueError(error.message) from error  # type: ignore[attr-defined]
            return value

        defaults = {options[name].name: value for name, value in study_file.converted(file, convert).items()}
        ctx.default_map = {**(ctx.default_map or {}), **defaults}
        return file


def spread(words: list[str]) -> list[str]:
    """Return the words with an option repeated before each of its values."""
    spelled: list[str] = []
    option, has_value = "", True
    for word in [*words, "-"]:
        if word.startswith("-"):
            spelled += [] if has_value else [option]  # without a value: the parser complains
            option, has_value = (word, False) if word in SEVERAL else ("", True)
            spelled += [word] if not option else []
        elif option:
            spelled += [option, word]
            has_value = True
        else:
            spelled.append(word)
    return spelled[:-1]


def same_words(argv: Sequence[str], action: str) -> list[str]:
    """Return the words after ``holter`` of this command line, with another action.

    Options that only one action has are left out, and those that print something instead of starting it.
    """
    words = [word for word in argv[1:] if word not in ("--json", "--watch", "--service")]
    start = words.index("study") + 1 if "study" in words else len(words)
    at = next((place for place in range(start, len(words)) if words[place] in ACTIONS), start)
    return ["study", *words[start:at], action, *words[at + 1 :]]
