"""Before hours are spent: the machine, the environment and the data -> go, or the one setting to change.

``looks/`` gathers facts into a ``Survey``; ``checks/`` are pure functions of it; ``compare`` tells two surveys apart.
"""

from __future__ import annotations

from holter.doctor.checks import CHECKS
from holter.doctor.records import Examination, Survey, Verdict


def examine(survey: Survey) -> Examination:
    """Every check on one survey. What could not be measured makes nothing worse, and is never called fine."""
    results = tuple(check(survey) for check in CHECKS)
    states = {result.state for result in results}
    verdict: Verdict = "no-go" if "no-go" in states else "warn" if "warn" in states else "go"
    return Examination(verdict=verdict, results=results, survey=survey)
