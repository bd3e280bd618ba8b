"""Choose the ladder for a cause: by the facts if the cause does so, else its own. Pure."""

from __future__ import annotations

from collections.abc import Callable

from holter.causes import stated
from holter.causes.steps import UNEXPLAINED, UNEXPLAINED_WITH_FEW_CPUS, Facts, Situation, Step, workers_as_cpus
from holter.evidence.error_kinds import BEFORE_STEPS
from holter.patterns import later
from holter.records import Diagnosis

# A cause without a ladder is no reason to touch the run.
LADDERS: dict[str, tuple[Step, ...]] = stated("LADDER")
BY_FACTS: dict[str, Callable[[Facts], tuple[Step, ...] | None]] = stated("LADDER_BY_FACTS")

# With --strict the user asked to stop at an unreadable case; a command line that was refused will be refused again.
_AGAIN_THE_SAME = later(r"\bCaseUnreadable\b|\AArgumentError: ")


def known_facts(diagnosis: Diagnosis | None) -> Facts:
    facts = () if diagnosis is None else diagnosis.facts
    return {fact.name: fact.value for fact in facts if fact.status == "known"}


def ladder_of(cause: str | None, now: Situation, facts: Facts) -> tuple[Step, ...]:
    """Return the steps to try against a cause, in order: chosen by the facts if the cause does so, else its own.

    For a cause without steps, and for None (unknown), they are those for an unexplained problem.
    """
    if cause in LADDERS:
        chosen = BY_FACTS[cause](facts) if cause in BY_FACTS else None
        return LADDERS[cause] if chosen is None else chosen
    few_cpus = workers_as_cpus(now, facts) is not None
    return UNEXPLAINED_WITH_FEW_CPUS if few_cpus else UNEXPLAINED


def ends_the_same_again(facts: Facts) -> bool:
    """Return whether a restart would fail in the same way.

    It would if the error came before the first step (wrong arguments, missing plans or dataset), or if ``--strict``
    ended the training at an unreadable case.
    """
    exception = facts.get("exception.first")
    if facts.get("exception.kind") in BEFORE_STEPS:
        return True
    return isinstance(exception, str) and _AGAIN_THE_SAME.search(exception) is not None
