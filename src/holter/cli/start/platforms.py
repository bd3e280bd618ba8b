"""Commands that watch or check a machine work on Linux alone; those that read a tape, log or page work everywhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from holter.errors import CannotDoHere
from holter.sentences import NOTHING_STARTED, define

LINUX_ALONE = ("doctor", "bench", "tune", "train", "run", "attach", "study", "demo")
# What a Linux-only command can do everywhere.
EVERYWHERE = ("-h", "--help", "--compare")

NOT_HERE = define("error.linux-alone", "holter {command} works on Linux only; this is {system}.")
ELSEWHERE = define(
    "next.linux-alone",
    "A tape or log from Linux can be read here: holter diagnose TAPE",
)


def refuse_elsewhere(arguments: Sequence[str]) -> None:
    """Refuse a command that this system cannot carry out.

    Raises:  CannotDoHere.
    """
    command = next((word for word in arguments if not word.startswith("-")), "")
    if sys.platform == "linux" or command not in LINUX_ALONE or any(word in EVERYWHERE for word in arguments):
        return
    raise CannotDoHere(NOT_HERE(command=command, system=sys.platform), safe=NOTHING_STARTED(), next_step=ELSEWHERE())
