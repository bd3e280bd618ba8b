"""Lines with which shells, Slurm, NCCL and C++ tell that a process has ended."""

from __future__ import annotations

import re
from typing import NamedTuple

from holter.records import Role


class Ending(NamedTuple):
    """What one line tells of the end of a process."""

    role: Role
    exit_signal: int | None


# Bash's words stand alone: ``shell_words`` has taken off what is in front of them.
_ENDINGS: tuple[tuple[int, re.Pattern[str]], ...] = (
    (9, re.compile(r"^Killed\b|task \d+: (?:Killed|Out Of Memory)")),
    (7, re.compile(r"^Bus error|task \d+: Bus error")),
    (11, re.compile(r"^Segmentation fault|task \d+: Segmentation fault")),
    (6, re.compile(r"^Aborted\b|task \d+: Aborted")),
    (
        15,
        re.compile(
            r"^Terminated\b|DUE TO (?:TIME LIMIT|PREEMPTION|NODE FAILURE)|\bCANCELLED AT\b|task \d+: Terminated"
        ),
    ),
    (1, re.compile(r"^Hangup\b")),
)


def ending_of(text: str) -> Ending | None:
    """The end that this line tells of."""
    number = next((number for number, pattern in _ENDINGS if pattern.search(text)), None)
    return None if number is None else Ending("main", number)
