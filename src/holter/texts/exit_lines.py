"""Lines in which shells, Slurm, NCCL and C++ report the end of a process."""

from __future__ import annotations

import re
from typing import NamedTuple

from holter.patterns import later
from holter.records import Role


class Ending(NamedTuple):
    """The end of a process as one line reports it."""

    role: Role  # other: the line does not say which process
    exit_signal: int | None  # None: the line does not say how


# Bash's message is alone on its line: ``texts.runs.normalize`` has removed what was in front of it.
_ENDINGS: tuple[tuple[int, re.Pattern[str]], ...] = (
    (9, later(r"^Killed\b|task \d+: (?:Killed|Out Of Memory)")),
    (7, later(r"^Bus error|task \d+: Bus error")),
    (11, later(r"^Segmentation fault|task \d+: Segmentation fault")),
    # NCCL's watchdog raises where nothing can catch it, and C++ then aborts the process.
    (6, later(r"^Aborted\b|task \d+: Aborted|taking the entire process down")),
    (
        15,
        later(r"^Terminated\b|DUE TO (?:TIME LIMIT|PREEMPTION)|\bCANCELLED AT\b|task \d+: Terminated"),
    ),
    (1, later(r"^Hangup\b")),
)
# Slurm counts kills in the whole step; "terminate called" may be of a data worker.
_OF_SOMEBODY = later(r"slurmstepd\b.*oom[-_ ]?kill|^terminate called\b", re.IGNORECASE)
# The machine of the job is gone, and with it all processes: none of them got a signal.
NODE_FAILED = later(r"DUE TO NODE FAILURE")
# A scheduler gives its reason for ending a job.
_REASON = later(r"slurmstepd\b|\bsrun:")


def ending_of(text: str) -> Ending | None:
    """Return the end that this line reports; None if it reports none."""
    if NODE_FAILED.search(text):
        return Ending("main", None)
    number = next((number for number, pattern in _ENDINGS if pattern.search(text)), None)
    if number is not None:
        return Ending("main", number)
    return Ending("other", None) if _OF_SOMEBODY.search(text) else None


def reason_of(text: str, exit_signal: int) -> str | None:
    """Return the line, without extra blanks, if it is a scheduler's reason for sending this signal; else None."""
    ending = ending_of(text)
    is_it = ending is not None and ending.exit_signal == exit_signal and _REASON.search(text)
    return " ".join(text.replace("***", "").split()) if is_it else None
