"""The words of ``holter study``: several values after one option, as people type them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from holter.cli.help.page import HelpfulCommand

# What stands behind ``--`` is for nnUNetv2_train.
EXTRA = "holter.study.extra"
ACTIONS = ("plan", "run", "status", "finish")
SEVERAL = ("-c", "--configurations", "-f", "--folds", "--gpus")


class StudyCommand(HelpfulCommand):
    """Takes ``-c 2d 3d_fullres`` as ``-c 2d -c 3d_fullres``, and keeps the words after ``--``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments, as in the base class."""
        own = args[: args.index("--")] if "--" in args else args
        ctx.meta[EXTRA] = tuple(args[len(own) + 1 :])
        return super().parse_args(ctx, spread(own))


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


def same_command(argv: Sequence[str], action: str) -> str:
    """Return this command line with another action, without the options of one action alone."""
    words = [word for word in argv[1:] if word not in ("--json", "--watch")]
    start = words.index("study") + 1 if "study" in words else len(words)
    at = next((place for place in range(start, len(words)) if words[place] in ACTIONS), start)
    return shlex.join(["holter", "study", *words[start:at], action, *words[at + 1 :]])
