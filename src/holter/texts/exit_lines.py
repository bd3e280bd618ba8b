"""Lines with which shells, Slurm, NCCL and C++ tell that a process has ended."""

from __future__ import annotations

import re
from typing import NamedTuple

from holter.records import Role


class Ending(NamedTuple):
    """What one line tells of the end of a process."""

    role: Role  # other: it is not said which process
    exit_signal: int | None  # None: nor how


# Bash's words stand alone: ``shell_words`` has taken off what is in front of them.
_ENDINGS: tuple[tuple[int, re.Pattern[str]], ...] = (
    (9, re.compile(r"^Killed\b|task \d+: (?:Killed|Out Of Memory)")),
    (7, re.compile(r"^Bus error|task \d+: Bus error")),
    (11, re.compile(r"^Segmentation fault|task \d+: Segmentation fault")),
    # NCCL's watchdog raises where nobody can catch it, and C++ then aborts the process.
    (6, re.compile(r"^Aborted\b|task \d+: Aborted|taking the entire process down")),
    (
        15,
        re.compile(
            r"^Terminated\b|DUE TO (?:TIME LIMIT|PREEMPTION|NODE FAILURE)|\bCANCELLED AT\b|task \d+: Terminated"
        ),
    ),
    (1, re.compile(r"^Hangup\b")),
)
# Slurm counts kills in the whole step, and what C++ ends may be a data worker.
_OF_SOMEBODY = re.compile(r"slurmstepd\b.*oom[-_ ]?kill|^terminate called\b", re.IGNORECASE)
# A scheduler says why it ended a job.
_REASON = re.compile(r"slurmstepd\b|\bsrun:")


def ending_of(text: str) -> Ending | None:
    """The end that this line tells of."""
    number = next((number for number, pattern in _ENDINGS if pattern.search(text)), None)
    if number is not None:
        return Ending("main", number)
    return Ending("other", None) if _OF_SOMEBODY.search(text) else None


def reason_of(text: str, exit_signal: int) -> str | None:
    """The line itself, where a scheduler tells in it why the training got this signal."""
    ending = ending_of(text)
    is_it = ending is not None and ending.exit_signal == exit_signal and _REASON.search(text)
    return " ".join(text.replace("***", "").split()) if is_it else None
