"""Next checks: read-only commands that would settle the facts which are still unknown.

Those come first whose answer would move the ranking most, by ``expectation``.
"""

from __future__ import annotations

import shlex
from typing import NamedTuple

from holter.evidence import Evidence
from holter.evidence.error_kinds import BEFORE_STEPS
from holter.records import Diagnosis, Environment
from holter.remedies.applies import is_of_nnunet
from holter.remedies.expectation import belief, imagined, rise, share
from holter.remedies.next_checks_table import CHECK_COMMANDS, WINDOWS, CheckCommand

# No user runs more commands than this at once.
MAX_CHECKS = 5
# The open rest of a cause counts at least this much, however much of it is settled.
LEAST_LEFT = 0.05
# Causes that seem less likely than this are left to later checks.
LEAST_BELIEF = 0.0005
# Detectors of episodes whose facts a person stated.
STATED = ("evidence-file", "shown")
# Used if the training's PID is unknown: the reader's own, the oldest (the others are its workers), and no shell or
# launcher that only names the command.
PID = "$(pgrep -u $UID -of bin/nnUNetv2_train)"


class NextCheck(NamedTuple):
    """A command whose output this diagnosis needs, and the names of the facts that it would settle."""

    id: str
    command: str
    facts: tuple[str, ...]


def next_checks(diagnosis: Diagnosis, environment: Environment | None = None) -> tuple[NextCheck, ...]:
    """Return the commands whose output would settle most, the most useful first; empty if no question is open."""
    if not diagnosis.verdicts or diagnosis.verdicts[0].verdict == "confirmed" or _says_it_all(diagnosis):
        return ()
    commands = {check.id: check.command for check in CHECK_COMMANDS}
    if _is_windows(diagnosis):
        commands = WINDOWS
    settles, asked = _settles(diagnosis, environment)
    settles = {name: by_cause for name, by_cause in settles.items() if name in commands}
    values = _values(diagnosis, environment)
    return tuple(
        NextCheck(name, _filled(commands[name], values), tuple(dict.fromkeys(asked[name])))
        for name in _most_telling(settles)
    )


# What cannot be found or is refused before the first step is named by its message: no look at the machine adds to it.
def _says_it_all(diagnosis: Diagnosis) -> bool:
    first = diagnosis.verdicts[0]
    return first.verdict == "likely" and any(finding.text in BEFORE_STEPS for finding in first.supports)


class Settles(NamedTuple):
    """How much the output of one command would settle about one cause."""

    worth: float  # how far it moves the ranking, times how likely the cause seems
    part: float  # of what is open about it


# Check -> cause -> what it settles; and check -> facts.
def _settles(
    diagnosis: Diagnosis, environment: Environment | None
) -> tuple[dict[str, dict[str, Settles]], dict[str, list[str]]]:
    evidence = Evidence({fact.name: fact for fact in diagnosis.facts}, diagnosis.wait_chain)
    known = {fact.name: fact.value for fact in diagnosis.facts if fact.status == "known"}
    likely = belief(known, diagnosis.verdicts, is_stated=diagnosis.episode.detector in STATED)
    settles: dict[str, dict[str, Settles]] = {}
    asked: dict[str, list[str]] = {}
    checks = [check for check in CHECK_COMMANDS if not _is_out_of_place(check, diagnosis, environment)]
    for verdict in sorted(diagnosis.verdicts, key=lambda verdict: -likely.get(verdict.cause, 0.0)):
        chance = likely.get(verdict.cause, 0.0)
        unknown = {finding.fact for finding in verdict.unknown}
        for check in checks if unknown and chance >= LEAST_BELIEF else ():
            open_ones = {fact for fact in unknown if check_for(fact) == check}
            if not open_ones:
                continue
            facts = imagined(verdict.cause, open_ones)
            part = share(verdict.cause, unknown, open_ones)
            gain = rise(verdict.cause, evidence, facts) + part
            if gain > 0:
                worth = chance * gain / check.effort
                settles.setdefault(check.id, {})[verdict.cause] = Settles(worth, part)
                asked.setdefault(check.id, []).extend(sorted(open_ones))
    return settles, asked


def _is_windows(diagnosis: Diagnosis) -> bool:
    values = {fact.name: fact.value for fact in diagnosis.facts if fact.name in ("system.os", "system.virtual_machine")}
    return values.get("system.os") == "windows" and values.get("system.virtual_machine") != "wsl"


def _most_telling(settles: dict[str, dict[str, Settles]]) -> list[str]:
    # Greedy: each next check settles most of what the checks before it leave open.
    chosen: list[str] = []
    left = {cause: 1.0 for by_cause in settles.values() for cause in by_cause}
    while len(chosen) < min(MAX_CHECKS, len(settles)):
        rest = [name for name in settles if name not in chosen]
        best = max(rest, key=lambda name: sum(what.worth * left[cause] for cause, what in settles[name].items()))
        chosen.append(best)
        for cause, what in settles[best].items():
            left[cause] = max(LEAST_LEFT, left[cause] - what.part)
    return chosen


def _is_out_of_place(check: CheckCommand, diagnosis: Diagnosis, environment: Environment | None) -> bool:
    # A process that is gone cannot be inspected. What is known, or was read completely, is not searched again.
    # If nnU-Net is known not to run, its folders and packages are not checked.
    kind = diagnosis.episode.kind
    facts = {fact.name: fact.value for fact in diagnosis.facts if fact.status == "known"}
    if facts.get("scope.nnunet") is False and is_of_nnunet(check.command):
        return True
    # A recording holds what a probe can see, again and again: only of a person's read-out is there one answer.
    if check.tells in facts and diagnosis.episode.detector in STATED:
        return True
    if (check.is_live and kind == "death") or (check.kinds and kind not in check.kinds):
        return True
    if check.id != "first-exception":
        return False
    was_read = environment is not None and environment.console == "read"
    return was_read or any(fact.name == "exception.first" and fact.status == "known" for fact in diagnosis.facts)


def check_for(fact: str) -> CheckCommand | None:
    """Return the check that settles a fact, or None."""
    for check in CHECK_COMMANDS:
        if any(fact == name or (name.endswith(".") and fact.startswith(name)) for name in check.facts):
            return check
    return None


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
