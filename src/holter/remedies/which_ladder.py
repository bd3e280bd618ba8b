"""Choose the ladder for a cause: its own, or one chosen by the facts if the cause is too general. Pure."""

from __future__ import annotations

import re

from holter.causes import MODULES
from holter.causes.steps import (
    FOR_CRASHES,
    FOR_DESCRIPTORS,
    FOR_MEMORY,
    FOR_SHARED_MEMORY,
    FOR_THE_LOADER,
    SHM_FULL_RATIO,
    UNEXPLAINED,
    UNEXPLAINED_WITH_FEW_CPUS,
    Facts,
    Situation,
    Step,
    workers_as_cpus,
)
from holter.evidence.words import CRASHES, SIGBUS
from holter.records import Diagnosis

# A cause without a ladder is no reason to touch the run.
LADDERS: dict[str, tuple[Step, ...]] = {module.CAUSE: module.LADDER for module in MODULES if hasattr(module, "LADDER")}
BY_WANT: dict[str, tuple[Step, ...]] = {
    "memory": FOR_MEMORY,
    "shm": FOR_SHARED_MEMORY,
    "descriptors": FOR_DESCRIPTORS,
    "crash": FOR_CRASHES,
    "loader": FOR_THE_LOADER,
}

_DESCRIPTORS = re.compile(r"Too many open files|items of ancdata|Errno 24\b")
_SHARED_MEMORY = re.compile(r"shared memory|shm|</?torch_\d", re.IGNORECASE)
# Errors of Holter's own data loader; with --strict the user asked to stop at an unreadable case.
_LOADER = re.compile(r"\bLoaderFailed\b")
_ASKED_FOR = re.compile(r"\bCaseUnreadable\b")
_MEMORY = re.compile(r"\bMemoryError|annot allocate memory|can't allocate memory|Unable to allocate ")


def known_facts(diagnosis: Diagnosis | None) -> Facts:
    """Return the values of the known facts, by name."""
    facts = () if diagnosis is None else diagnosis.facts
    return {fact.name: fact.value for fact in facts if fact.status == "known"}


def ladder_of(cause: str | None, now: Situation, facts: Facts) -> tuple[Step, ...]:
    """Return the steps for a cause, given the facts."""
    want = None
    if cause in ("worker-killed", "external-kill"):
        want = _want_of_a_kill(facts)
    elif cause in ("worker-exception", "main-exception"):
        want = _want_of_an_exception(facts)
    if want is not None:
        return BY_WANT[want]
    if cause in LADDERS:
        return LADDERS[cause]
    few_cpus = workers_as_cpus(now, facts) is not None
    return UNEXPLAINED_WITH_FEW_CPUS if few_cpus else UNEXPLAINED


def is_asked_for(facts: Facts) -> bool:
    """Return whether the training ended because of ``--strict``."""
    exception = facts.get("exception.first")
    return isinstance(exception, str) and _ASKED_FOR.search(exception) is not None


def _want_of_a_kill(facts: Facts) -> str | None:
    number, kills, shm = (facts.get(name) for name in ("worker.exit_signal", "oom.kills", "shm.used_ratio"))
    if number in CRASHES:
        return "crash"
    if number == SIGBUS:
        return "shm"
    if isinstance(kills, int) and kills > 0:
        return "memory"
    return "shm" if isinstance(shm, float) and shm > SHM_FULL_RATIO else None


def _want_of_an_exception(facts: Facts) -> str | None:
    exception = facts.get("exception.first")
    if isinstance(exception, str) and _LOADER.search(exception):
        return "loader"
    if not isinstance(exception, str) or "CUDA" in exception:
        return None
    wants = (("descriptors", _DESCRIPTORS), ("shm", _SHARED_MEMORY), ("memory", _MEMORY))
    return next((want for want, pattern in wants if pattern.search(exception)), None)
