"""Recording -> diagnoses with remedies, composed in one place."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

import holter
from holter.causes import diagnose, diagnose_all
from holter.records import Ability, ContractSettled, Diagnosis
from holter.remedies.diagnose import diagnose_recording
from holter.tape import read

TAPES = Path(__file__).parents[1] / "tapes"
FROZEN = read(TAPES / "frozen_worker" / "fault.holter")


def without_remedies(diagnosis: Diagnosis) -> Diagnosis:
    return msgspec.structs.replace(diagnosis, remedies=())


def test_verdicts_are_those_of_the_causes_and_each_cause_that_may_be_has_remedies():
    found = diagnose_recording(FROZEN, is_over=True)
    assert tuple(map(without_remedies, found)) == diagnose_all(FROZEN)
    possible = {verdict.cause for verdict in found[0].verdicts if verdict.verdict != "excluded"}
    assert set(dict(found[0].remedies)) == possible and dict(found[0].remedies)["frozen-worker"]


def test_episodes_that_nobody_recorded_are_detected():
    unmarked = msgspec.structs.replace(FROZEN, all_episodes=())
    assert diagnose_recording(unmarked, is_over=True)[0].verdicts[0].cause == "frozen-worker"
    assert diagnose_recording(unmarked, (), is_over=True) == (), "the caller's choice, even if it is none"


def test_a_recorder_judges_by_all_that_it_has():
    (episode, *_) = FROZEN.episodes()
    (live,) = diagnose_recording(FROZEN, (episode,), is_over=False, is_live=True)
    assert without_remedies(live) == diagnose(FROZEN, episode)


def test_a_contract_that_the_recording_does_not_hold_yet_counts():
    ability = Ability(name="restart", can=True, what="./start.sh --resume")
    contract = ContractSettled(t_s=60.0, sees=(), does=(ability,))
    commands = [
        remedy.command or ""
        for _, remedies in diagnose_recording(FROZEN, is_over=True, contract=contract)[0].remedies
        for remedy in remedies
    ]
    assert any("./start.sh --resume" in command for command in commands)


def test_nobody_else_puts_verdicts_and_remedies_together():
    source = Path(holter.__file__).parent
    callers = {
        file.relative_to(source).as_posix()
        for file in source.rglob("*.py")
        if re.search(r"(?<!def )\bpropose\(", file.read_text(encoding="utf-8"))
    }
    assert callers == {"remedies/diagnose.py"}
