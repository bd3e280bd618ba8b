"""Choose a ladder by the resource that was used up, for causes that are too general for one ladder. Pure.

A cause names one of these functions as ``LADDER_BY_FACTS``; where it returns None, the cause's ``LADDER`` is used.
"""

from __future__ import annotations

import re

from holter.causes.steps import (
    FOR_CRASHES,
    FOR_DESCRIPTORS,
    FOR_MEMORY,
    FOR_SHARED_MEMORY,
    FOR_THE_LOADER,
    SHM_FULL_RATIO,
    Facts,
    Step,
)
from holter.evidence.words import CRASHES, SIGBUS
from holter.patterns import later

# Every ladder that is chosen here.
CHOICES = (FOR_MEMORY, FOR_SHARED_MEMORY, FOR_DESCRIPTORS, FOR_CRASHES, FOR_THE_LOADER)

# Errors of Holter's own data loader.
_LOADER = later(r"\bLoaderFailed\b")
_LACKED = (
    (later(r"Too many open files|items of ancdata|Errno 24\b"), FOR_DESCRIPTORS),
    (later(r"shared memory|shm|</?torch_\d", re.IGNORECASE), FOR_SHARED_MEMORY),
    (later(r"\bMemoryError|annot allocate memory|can't allocate memory|Unable to allocate "), FOR_MEMORY),
)


def by_kill(facts: Facts) -> tuple[Step, ...] | None:
    """Return the steps to try after a process was killed, by its signal or the shortage; None if neither is known."""
    number, kills, shm = (facts.get(name) for name in ("worker.exit_signal", "oom.kills", "shm.used_ratio"))
    if number in CRASHES:
        return FOR_CRASHES
    if number == SIGBUS:
        return FOR_SHARED_MEMORY
    if isinstance(kills, int) and kills > 0:
        return FOR_MEMORY
    return FOR_SHARED_MEMORY if isinstance(shm, float) and shm > SHM_FULL_RATIO else None


def by_exception(facts: Facts) -> tuple[Step, ...] | None:
    """Return the ladder for the resource that the first exception complains about.

    This is memory, shared memory, file descriptors or Holter's loader; None if the exception names none of them.
    """
    exception = facts.get("exception.first")
    if isinstance(exception, str) and _LOADER.search(exception):
        return FOR_THE_LOADER
    if not isinstance(exception, str) or "CUDA" in exception:
        return None
    return next((ladder for pattern, ladder in _LACKED if pattern.search(exception)), None)
