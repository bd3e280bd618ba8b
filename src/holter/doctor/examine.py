"""Run every check on one survey, and sum the results up as one verdict."""

from __future__ import annotations

from holter.doctor.checks import CHECKS
from holter.doctor.records import Examination, Survey, Verdict


def examine(survey: Survey) -> Examination:
    """Run every check on one survey. Unknown results never make the verdict worse, and never count as fine."""
    results = tuple(check(survey) for check in CHECKS)
    states = {result.state for result in results}
    verdict: Verdict = "no-go" if "no-go" in states else "warn" if "warn" in states else "go"
    return Examination(verdict=verdict, results=results, survey=survey)
