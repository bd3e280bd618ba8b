"""Judge facts that a test states."""

from __future__ import annotations

from collections.abc import Mapping

from causes.usual import UNSAID
from holter.causes import verdicts
from holter.evidence import NAMES, Evidence
from holter.records import Fact, Verdict


def judged(facts: Mapping[str, object] | None = None, /, **more: object) -> dict[str, Verdict]:
    """Return the verdicts by cause, best first.

    A value of ``...`` means that the fact does not apply; a fact that is not stated is unknown. In the name of an
    argument ``__`` stands for the dot.
    """
    stated: dict[str, Fact] = {}
    for written, value in ((facts or {}) | more).items():
        name = written.replace("__", ".")
        assert name in NAMES, name
        status = "not-applicable" if value is ... else "known"
        stated[name] = Fact(name=name, value=None if value is ... else value, status=status)  # type: ignore[arg-type]
    return {verdict.cause: verdict for verdict in verdicts(Evidence(UNSAID | stated))}


def confirmed(found: Mapping[str, Verdict]) -> list[str]:
    """Return the confirmed causes, best first."""
    return [cause for cause, verdict in found.items() if verdict.verdict == "confirmed"]
