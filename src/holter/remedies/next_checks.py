"""Next checks: read-only commands that would settle the facts which are still unknown.

Only unknown facts that the leading causes ask for count, most of all those that separate the first two causes.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import NamedTuple

from holter.causes import RULES_OF
from holter.causes.weigh import Rule
from holter.records import Diagnosis, Environment, Verdict
from holter.remedies.next_checks_table import CHECK_COMMANDS, WINDOWS, CheckCommand
from holter.remedies.of_nnunet import is_of_nnunet

# Only the open questions of this many leading causes count, earlier causes more.
LEADING = 4
# No user runs more commands than this at once.
MAX_CHECKS = 5
# Weight of a fact that separates the first two causes: only one asks for it, or they read it in opposite ways.
SEPARATES = 2.0
# The open rest of a cause counts at least this much, however much of it is settled.
LEAST_LEFT = 0.05
# Weight of a fact that decides a cause, for or against.
DECIDES = 2.0
# Used if the training's PID is unknown; the oldest process of that name is the training itself.
PID = "$(pgrep -of nnUNetv2_train)"


class NextCheck(NamedTuple):
    """A check that this diagnosis needs."""

    id: str
    command: str
    facts: tuple[str, ...]


def next_checks(diagnosis: Diagnosis, environment: Environment | None = None) -> tuple[NextCheck, ...]:
    """Return the commands that would settle most, best first; empty if no question is open."""
    if not diagnosis.verdicts or diagnosis.verdicts[0].verdict == "confirmed":
        return ()
    worth: dict[str, dict[str, float]] = {}  # check -> cause -> how much of it the check would settle
    asked: dict[str, list[str]] = {}
    for (fact, cause), value in open_questions(diagnosis).items():
        check = check_for(fact)
        if check is None or _is_out_of_place(check, diagnosis, environment):
            continue
        by_cause = worth.setdefault(check.id, {})
        by_cause[cause] = by_cause.get(cause, 0.0) + value
        asked.setdefault(check.id, []).append(fact)
    commands = {check.id: check.command for check in CHECK_COMMANDS}
    if _is_windows(diagnosis):
        commands = WINDOWS
        worth = {name: by_cause for name, by_cause in worth.items() if name in WINDOWS}
    values = _values(diagnosis, environment)
    return tuple(
        NextCheck(name, _filled(commands[name], values), tuple(dict.fromkeys(asked[name])))
        for name in _most_telling(worth)
    )


def _is_windows(diagnosis: Diagnosis) -> bool:
    return any(fact.name == "system.os" and fact.value == "windows" for fact in diagnosis.facts)


def _most_telling(worth: dict[str, dict[str, float]]) -> list[str]:
    # Greedy: each next check settles most of what the checks before it leave open.
    chosen: list[str] = []
    left = {cause: 1.0 for by_cause in worth.values() for cause in by_cause}
    while len(chosen) < min(MAX_CHECKS, len(worth)):
        rest = [name for name in worth if name not in chosen]
        best = max(rest, key=lambda name: sum(value * left[cause] for cause, value in worth[name].items()))
        chosen.append(best)
        for cause, value in worth[best].items():
            left[cause] = max(LEAST_LEFT, left[cause] - value)
    return chosen


def _is_out_of_place(check: CheckCommand, diagnosis: Diagnosis, environment: Environment | None) -> bool:
    # A process that is gone cannot be inspected. What is known, or was read completely, is not searched again.
    # If nnU-Net is known not to run, its folders and packages are not checked.
    kind = diagnosis.episode.kind
    facts = {fact.name: fact.value for fact in diagnosis.facts if fact.status == "known"}
    if facts.get("scope.nnunet") is False and is_of_nnunet(check.command):
        return True
    if (check.is_live and kind == "death") or (check.kinds and kind not in check.kinds):
        return True
    if check.id != "first-exception":
        return False
    was_read = environment is not None and environment.console == "read"
    return was_read or any(fact.name == "exception.first" and fact.status == "known" for fact in diagnosis.facts)


def open_questions(diagnosis: Diagnosis) -> dict[tuple[str, str], float]:
    """Return each (unknown fact, cause) with its share of what is open; of all causes if none leads."""
    open_ones = [verdict for verdict in diagnosis.verdicts if verdict.verdict != "excluded"]
    leads = any(verdict.supports for verdict in open_ones[:1])
    leading = open_ones[:LEADING] if leads else open_ones
    apart = separating(leading) if leads else set()
    shares: dict[tuple[str, str], float] = {}
    for place, verdict in enumerate(leading):
        unknown = {finding.fact for finding in verdict.unknown}
        rules = [rule for rule in RULES_OF.get(verdict.cause, ()) if rule.fact in unknown]
        whole = sum(_weight(rule, apart) for rule in rules)
        for rule in rules:
            key = (rule.fact, verdict.cause)
            share = _weight(rule, apart) / whole / (place + 1 if leads else 1)
            shares[key] = shares.get(key, 0.0) + share
    return shares


def separating(leading: Sequence[Verdict]) -> set[str]:
    """Return the facts that the first two causes read differently."""
    rules = [{(rule.fact, rule.speaks) for rule in RULES_OF.get(verdict.cause, ())} for verdict in leading[:2]]
    return {fact for fact, _ in rules[0] ^ rules[1]} if len(rules) == 2 else set()


def check_for(fact: str) -> CheckCommand | None:
    """Return the check that settles a fact, or None."""
    for check in CHECK_COMMANDS:
        if any(fact == name or (name.endswith(".") and fact.startswith(name)) for name in check.facts):
            return check
    return None


def _weight(rule: Rule, apart: set[str]) -> float:
    decides = rule.group is not None or rule.otherwise is not None or rule.fatal
    return rule.weight * (DECIDES if decides else 1.0) * (SEPARATES if rule.fact in apart else 1.0)


def _values(diagnosis: Diagnosis, environment: Environment | None) -> dict[str, str]:
    pid = environment.main_pid if environment is not None else None
    preprocessed = environment.preprocessed_folder if environment is not None else None
    results = environment.output_folder if environment is not None else None
    is_there = pid is not None and diagnosis.episode.kind != "death" and diagnosis.episode.end_s is None
    return {
        "pid": str(pid) if is_there else PID,
        "self": str(pid) if is_there else "self",
        "preprocessed": shlex.quote(preprocessed) if preprocessed else '"$nnUNet_preprocessed"',
        "results": shlex.quote(results) if results else '"$nnUNet_results"',
    }


def _filled(command: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        command = command.replace(f"{{{name}}}", value)
    return command
