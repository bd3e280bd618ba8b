"""Verdicts from rules. A rule reads one fact; an unknown fact can only lower a verdict, never raise it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, NamedTuple

import msgspec

from holter.evidence import Evidence
from holter.evidence.vocabulary import is_condition
from holter.records import Fact, Finding, Value, Verdict
from holter.sizes import format_number

# At least half of the possible support is present, and nothing decisive is known to fail: worth acting on.
LIKELY_FROM = 0.5
# A confirmed cause ranks above all others, whatever its number of rules.
CONFIRMED_BASE = 0.8
# With everything decisive present, a score below this is a guess and not reported.
CERTAIN_FROM = 0.25
# A counter-argument of this weight must be known before a cause is confirmed; weaker ones may be unknown (many machines
# do not show their kernel log or count throttled periods).
STRONG = 2.0


# The fact with the symptoms that a person describes.
SYMPTOMS = "symptoms"
# Of stated evidence: the weight that stands for all that was not said.
PRIOR = 1.0


class Rule(NamedTuple):
    """The meaning of one fact for one cause."""

    fact: str
    test: Callable[[Any], bool]
    text: str  # catalogue key of the sentence if the test holds
    weight: float = 1.0
    group: str | None = None  # decisive: of each group at least one rule must hold for "confirmed"
    speaks: str = "for"  # for, against
    fatal: bool = False  # against: excludes the cause
    otherwise: str | None = None  # for: sentence if the fact is known and the test fails; it then excludes


def supports(fact: str, test: Callable[[Any], bool], text: str, weight: float = 1.0) -> Rule:
    """Return a rule that speaks for the cause if ``test`` holds for the fact's value, and is neutral if not.

    ``text``: the catalogue key of its sentence.
    """
    return Rule(fact, test, text, weight)


def needs(fact: str, test: Callable[[Any], bool], text: str, otherwise: str, weight: float = 2.0) -> Rule:
    """Return a rule that speaks for the cause if ``test`` holds for the fact's value, and excludes the cause if not.

    It excludes also if the fact does not apply; an unknown fact excludes nothing. ``text``, ``otherwise``: catalogue
    keys of the sentences for the two cases.
    """
    return Rule(fact, test, text, weight, group=fact, otherwise=otherwise)


def against(fact: str, test: Callable[[Any], bool], text: str, weight: float = 1.0, *, fatal: bool = False) -> Rule:
    """Return a rule that speaks against the cause if ``test`` holds for the fact's value.

    If ``fatal``, it then excludes the cause.

    ``text``: the catalogue key of its sentence.
    """
    return Rule(fact, test, text, weight, speaks="against", fatal=fatal)


def symptom(name: str, weight: float = 2.0) -> Rule:
    """Return a rule that supports the cause if a person describes this symptom; else it has no effect."""
    return supports(SYMPTOMS, lambda names: name in names, "symptom-fits", weight)


def no_symptom(name: str, weight: float = 2.0) -> Rule:
    """Return a rule that speaks against the cause if a person describes this symptom; else it has no effect."""
    return against(SYMPTOMS, lambda names: name in names, "symptom-against", weight)


def only(*kinds: str) -> Rule:
    """Return a rule that excludes the cause for episodes of any other kind."""
    return against("episode.kind", lambda kind: kind not in kinds, "trouble-of-another-kind", fatal=True)


def if_seen(evidence: Evidence, *rules: Rule) -> tuple[Rule, ...]:
    """Return only those rules whose fact is known, so that an unknown fact does not lower the score of the cause."""
    return tuple(rule for rule in rules if evidence.fact(rule.fact).status == "known")


def holding(evidence: Evidence, *rules: Rule) -> tuple[Rule, ...]:
    """Return only those rules that hold: what need not be there lowers no score where it is not."""
    return tuple(rule for rule in rules if _holds(rule, evidence))


def weigh(cause: str, evidence: Evidence, rules: tuple[Rule, ...]) -> Verdict:
    """Return the verdict of one cause: excluded, possible, likely or confirmed, with a score from 0 to 1.

    It has the facts for and against the cause, and those that are unknown.
    """
    findings: dict[str, list[Finding]] = {"for": [], "against": [], "unknown": []}
    rules = tuple(rule for rule in rules if rule.fact != SYMPTOMS or evidence.fact(SYMPTOMS).status == "known")
    total = _total(evidence, rules) or 1.0
    got = minus = 0.0
    fatal = is_observed = False
    groups = {rule.group: False for rule in rules if rule.group is not None}
    open_question = unheard = False
    for rule in rules:
        fact = evidence.fact(rule.fact)
        if fact.status == "unknown":
            findings["unknown"].append(_finding(fact, "unknown-fact"))
            open_question = open_question or rule.speaks == "for"
            unheard = unheard or (rule.speaks == "against" and (rule.fatal or rule.weight >= STRONG))
        elif fact.status == "known" and rule.test(fact.value):
            findings[rule.speaks].append(_finding(fact, rule.text))
            if rule.speaks == "for":
                got += _counts(rule, evidence)
                is_observed = is_observed or not is_condition(rule.fact)
                groups.update({rule.group: True} if rule.group else {})
            else:
                minus += rule.weight
                fatal = fatal or rule.fatal
        elif rule.otherwise is not None:
            findings["against"].append(_finding(fact, rule.otherwise))
            fatal = True
    score = max(0.0, (got - minus) / total)
    certain = bool(groups) and all(groups.values()) and is_observed
    verdict, score = _grade(fatal, certain, minus, score, open_question)
    if verdict == "confirmed" and unheard:  # a strong counter-argument is unknown
        verdict, score = "likely", min(score, CONFIRMED_BASE - 0.01)
    # Several rules may read one fact; its sentence is printed once.
    spoken = {
        side: {(finding.fact, finding.text): finding for finding in findings[side]} for side in ("for", "against")
    }
    unknown = {finding.fact: finding for finding in findings["unknown"]}
    return Verdict(
        cause=cause,
        verdict=verdict,
        score=round(score, 3),
        supports=tuple(spoken["for"].values()),
        against=tuple(spoken["against"].values()),
        unknown=tuple(unknown.values()),
    )


def possible_at_most(verdict: Verdict) -> Verdict:
    """Return the verdict, at most possible: what would make it likely also fits another problem."""
    if verdict.verdict not in ("confirmed", "likely"):
        return verdict
    return msgspec.structs.replace(verdict, verdict="possible", score=min(verdict.score, LIKELY_FROM - 0.01))


def likely_at_most(verdict: Verdict) -> Verdict:
    """Return the verdict, at most likely: a rare problem looks the same and could not be ruled out."""
    if verdict.verdict != "confirmed":
        return verdict
    return msgspec.structs.replace(verdict, verdict="likely", score=min(verdict.score, CONFIRMED_BASE - 0.01))


def possible_unless_seen(verdict: Verdict, *facts: str) -> Verdict:
    """Return the verdict unchanged if one of these facts supports the cause, else limited to "possible"."""
    seen = any(finding.fact in facts for finding in verdict.supports)
    return verdict if seen else possible_at_most(verdict)


def proves_nothing(rule: Rule) -> Rule:
    """Return the rule with a test that never holds: it gives no support, and so lowers the share of rules that hold."""
    return rule._replace(test=lambda _: False)


# A condition that holds adds no score, it only admits the cause; an unknown one still lowers the score.
# What this kind of evidence does not hold lowers no score: a person states what was seen, and no more. Beside what was
# recorded a symptom only adds: that nobody spoke of it says nothing.
def _total(evidence: Evidence, rules: tuple[Rule, ...]) -> float:
    counted = [rule for rule in rules if rule.speaks == "for"]
    if not evidence.is_stated:
        return sum(_counts(rule, evidence) for rule in counted if rule.fact != SYMPTOMS or _holds(rule, evidence))
    heard = [
        rule
        for rule in counted
        if evidence.fact(rule.fact).status == "known" or (rule.otherwise and rule.fact != SYMPTOMS)
    ]
    return PRIOR + sum(_counts(rule, evidence) for rule in heard)


def _counts(rule: Rule, evidence: Evidence) -> float:
    return 0.0 if is_condition(rule.fact) and _holds(rule, evidence) else rule.weight


def _holds(rule: Rule, evidence: Evidence) -> bool:
    fact = evidence.fact(rule.fact)
    return bool(fact.status == "known" and rule.test(fact.value))


def _grade(fatal: bool, certain: bool, minus: float, score: float, open_question: bool) -> tuple[Any, float]:
    if fatal:
        return "excluded", 0.0
    if certain and minus == 0:
        return "confirmed", CONFIRMED_BASE + (1 - CONFIRMED_BASE) * score
    if score >= (CERTAIN_FROM if certain else LIKELY_FROM):
        return "likely", min(score, CONFIRMED_BASE - 0.01)
    if score > 0 or (open_question and minus == 0):
        return "possible", min(score, LIKELY_FROM - 0.01)
    return "excluded", 0.0


def _finding(fact: Fact, text: str) -> Finding:
    written = ", ".join(fact.value) if isinstance(fact.value, tuple) else _written(fact.value)
    value: Value = fact.words or (fact.actors if fact.processes else written)
    values = (("value", value), ("detail", fact.detail or fact.reason or ""), ("fact", fact.name))
    return Finding(fact=fact.name, text=text, values=values)


def _written(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return format_number(value) if isinstance(value, float) else str(value)


@dataclass(frozen=True, slots=True)
class Test:
    """A test of a value, and a value for which it holds."""

    holds: Callable[[Any], bool]
    example: Any

    def __call__(self, value: Any, /) -> bool:
        """Return whether it holds for this value."""
        return self.holds(value)


def at_least(limit: float) -> Test:
    """Return a test for a number of at least ``limit``."""
    return Test(lambda value: bool(value >= limit), limit)


def at_most(limit: float) -> Test:
    """Return a test for a number of at most ``limit``."""
    return Test(lambda value: bool(value <= limit), limit)


def one_of(*words: Any) -> Test:
    """Return a test for one of these words or numbers."""
    return Test(lambda value: value in words, words[0])


def is_true(value: Any) -> bool:
    """Test for true, or a list that is not empty."""
    return bool(value)


def is_false(value: Any) -> bool:
    """Test for false, or an empty list."""
    return not value


def release(version: str) -> tuple[int, ...]:
    """Return the numbers of a version for comparison: (2, 1, 0) for 2.1.0+cu118."""
    numbers = []
    for part in version.split("+")[0].split("."):
        digits = "".join(takewhile(str.isdigit, part))
        if not digits:
            break
        numbers.append(int(digits))
    return tuple(numbers)
