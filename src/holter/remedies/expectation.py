"""Estimate how useful a question is: how much its answers would change the ranking of the likely causes.

``next_checks`` (commands) and ``holter ask`` (questions) choose by it. Two things make a cause seem likely: its score,
and how often such cases had it (``settled.json``, made by ``make learned`` from cases whose cause is known).
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any, NamedTuple

from holter.causes import CAUSES, RULES_OF
from holter.causes.weigh import PRIOR, SYMPTOMS, Rule, Test, is_false, is_true
from holter.evidence import Evidence
from holter.evidence.stated.choices import CHOICES
from holter.evidence.stated.read import SPECS
from holter.records import Fact, Verdict

Value = bool | int | float | str | tuple[str, ...]
# Facts with few values that cases have in common.
OF_CASES = (
    "episode.kind", "phase", "system.os", "system.container", "system.virtual_machine", "main.exit_signal",
    "worker.exit_signal", "echo.says", "exception.kind", "exception.role", "epochs.shape", "gpu.virtualization",
    "scope.ranks",
)  # fmt: skip
# A cause that nothing supports is still possible.
UNSUPPORTED = 0.02
# Cases of a cause that stand for what all cases have in common.
SMOOTHING = 3.0
# Weight of a fact that decides a cause, for or against.
DECIDES = 2.0
# A property that fewer cases have says little.
FEW = 10
# Facts of one case depend on each other: each counts for less than a fact of its own.
EACH = 0.7
# Numbers on both sides of every threshold.
NUMBERS = (0.0, 0.02, 0.1, 0.3, 0.5, 0.9, 1.0, 1.5, 2.0, 4.0, 10.0, 20.0, 90.0, 1000.0, 1e6, 64 << 20, 1e10)


class Settled(NamedTuple):
    """Numbers of cases whose cause is known: public reports, and texts of our own, about equally many of each cause."""

    met: Mapping[str, int]  # cause -> number of public reports
    cases: Mapping[str, int]  # cause -> number of cases
    having: Mapping[str, Mapping[str, int]]  # property -> cause -> number of cases with this property

    def weight(self, cause: str, properties: Iterable[str]) -> float:
        """Return how likely the cause is, judged by the known cases that have these properties.

        The number is no probability: compare it only with that of other causes.
        """
        count, whole = self.cases.get(cause, 0), sum(self.cases.values()) or 1
        result = math.sqrt(1.0 + self.met.get(cause, 0))
        for name in properties:
            having = self.having.get(name, {})
            usual = (sum(having.values()) + FEW) / (whole + FEW)
            result *= ((having.get(cause, 0) + SMOOTHING * usual) / (count + SMOOTHING) / usual) ** EACH
        return result


def properties(facts: Mapping[str, object]) -> Iterator[str]:
    """Yield the properties of these facts that can be compared with other cases, as ``name=value``."""
    for name in OF_CASES:
        value = facts.get(name)
        if value is not None and value not in ("none", "other"):
            yield f"{name}={value}"
    names = facts.get(SYMPTOMS)
    if isinstance(names, (list, tuple)):
        yield from (f"{SYMPTOMS}={name}" for name in names)


def belief(facts: Mapping[str, object], verdicts: Sequence[Verdict], *, is_stated: bool = True) -> dict[str, float]:
    """Return the probability of each cause that is not excluded; they add up to 1.

    ``is_stated``: a person stated the facts, and what was not said lowers no score.
    """
    settled = _settled()
    seen = [*properties(facts)]
    weights = {
        verdict.cause: ((verdict.score if is_stated else of_what_is_known(verdict, facts)) + UNSUPPORTED)
        * settled.weight(verdict.cause, seen)
        for verdict in verdicts
        if verdict.verdict != "excluded"
    }
    whole = sum(weights.values()) or 1.0
    return {cause: weight / whole for cause, weight in weights.items()}


def of_what_is_known(verdict: Verdict, facts: Mapping[str, object]) -> float:
    """Return the score of a verdict as if a person had stated the facts, so that unknown ones do not lower it.

    Otherwise the same observation would count less for a cause with many rules than for one with few.
    """
    rules = [rule for rule in RULES_OF.get(verdict.cause, ()) if rule.speaks == "for" and rule.fact != SYMPTOMS]
    whole = sum(rule.weight for rule in rules)
    heard = PRIOR + sum(rule.weight for rule in rules if rule.fact in facts)
    return max(verdict.score, min(1.0, verdict.score * whole / heard))


def rise(cause: str, evidence: Evidence, facts: Mapping[str, Value]) -> float:
    """Return by how much the score of a cause rises if these facts become known; 0 if it falls.

    ``evidence``: what is known now. Unknown facts count as in a recording: each one makes a cause less certain.
    """
    judge = CAUSES[cause]
    by_name = {fact.name: fact for fact in evidence.facts}
    new = {name: Fact(name=name, value=value) for name, value in facts.items()}
    before, after = (Evidence(facts_, evidence.chain) for facts_ in (by_name, by_name | new))
    return max(0.0, judge(after).score - judge(before).score)


def share(cause: str, unknown: Collection[str], names: Collection[str]) -> float:
    """Return how much of what is unknown about a cause would be settled, for or against it: a share, 0 to 1.

    ``unknown``: names of the unknown facts. ``names``: those of them that would become known.
    """
    rules = [rule for rule in RULES_OF.get(cause, ()) if rule.fact in unknown]
    whole = sum(map(_weight, rules))
    return sum(_weight(rule) for rule in rules if rule.fact in names) / whole if whole else 0.0


def _weight(rule: Rule) -> float:
    return rule.weight * (DECIDES if rule.group is not None or rule.otherwise is not None or rule.fatal else 1.0)


def imagined(cause: str, names: Iterable[str]) -> dict[str, Value]:
    """Return the values that the facts with these names would have if the cause were true.

    A fact is left out if no rule of the cause supports it, or if no value is found for which the rule holds.
    """
    values = {}
    for rule in RULES_OF.get(cause, ()):
        if rule.fact in names and rule.speaks == "for" and rule.fact not in values:
            value = example_of(rule)
            if value is not None:
                values[rule.fact] = value
    return values


@functools.cache
def example_of(rule: Rule) -> Value | None:
    """Return a value for which the rule holds; None if none is found."""
    if isinstance(rule.test, Test):
        return rule.test.example  # type: ignore[no-any-return]
    kind = SPECS[rule.fact].kind if rule.fact in SPECS else "text"
    if kind == "bool" or rule.test in (is_true, is_false):
        tried: tuple[Any, ...] = (True, False) if kind == "bool" else (("something",), (), 1, 0, "something", "")
    elif kind == "number":
        tried = NUMBERS
    else:
        tried = CHOICES.get(rule.fact, ("something",)) if kind == "text" else (("something",), ())
    return next((value for value in tried if _holds(rule, value)), None)


def _holds(rule: Rule, value: Any) -> bool:
    try:
        return bool(rule.test(value))
    except (TypeError, ValueError, AttributeError):
        return False


@functools.cache
def _settled() -> Settled:
    content = json.loads((files(__package__) / "settled.json").read_text(encoding="utf-8"))
    return Settled(content["met"], content["cases"], content["having"])
