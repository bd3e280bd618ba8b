"""The judge of the foreign starts finds what is wrong in what Holter says, and nothing in what is right."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("benchmarks", reason="the benchmarks are beside the source: python -m pytest in the checkout")

from benchmarks.field import table
from benchmarks.field.cases import CASES, STARTS, find
from benchmarks.field.judge import KINDS, Said, judge
from benchmarks.field.play import OLDER_EPOCH, Played
from benchmarks.field.table import NAMES, Outcome

from holter.records import Ability, ActionTaken, Beat, ContractSettled, Environment, Tick
from holter.supervisor.recording.abilities import NO_LOADER, NO_LOG
from holter.supervisor.recording.no_hook import NOTHING_IMPORTED
from holter.tape import Recording

SEES = (
    "holter: sees exceptions; not: the training (so far the program used no nnunetv2, batchgenerators or "
    "DataLoader). It only watches; holter train, or run --heal, acts."
)
WHY_NOT = {"heartbeat": NOTHING_IMPORTED(), "loader": NO_LOADER(), "log": NO_LOG()}
ABILITIES = tuple(Ability(name=name, can=False, why_not=why) for name, why in WHY_NOT.items())
SETTLED = ContractSettled(t_s=60.0, sees=ABILITIES, does=())
NOT_SEEN = (
    "No training was seen: so far the program used no nnunetv2, batchgenerators or DataLoader.\n",
    "没有看到训练：\n",
)
RAISED = ("Ended: the training's own process ended with a Python error. Confirmed.\n", "训练意外结束。\n")
TOLD = f"{SEES}\nholter: The training's own process ended with a Python error. Confirmed (score 1.00)"


def said(letter: str = SEES, texts: tuple[str, str] = NOT_SEEN, code: int = 2, exit_code: int = 0, **more: Any) -> Said:
    events = (SETTLED, *more.get("events", ()))
    environment = Environment(wall_start="2026-11-28T00:00:00+00:00", container="none")
    tick = Tick(t_s=60.0, events=events, beats=more.get("beats", ()))
    recording = Recording(all_ticks=(tick,), environment=environment)
    document = {"episodes": more.get("episodes", [])}
    return Said(letter, texts, document, code, recording, Played(exit_code, exit_code, 80.0))


def episode(cause: str | None = "main-exception", verdict: str = "confirmed", **remedy: str | None) -> dict[str, Any]:
    text = RAISED[0].strip()
    remedies = [{"id": "x", "safety": "SAFE", "text": "Look.", "command": None, **remedy}]
    diagnosis = {"cause": cause or "frozen-worker", "verdict": verdict, "score": 1.0, "remedies": remedies}
    return {"headline": {"text": text, "cause": cause}, "diagnosis": [diagnosis]}


def kinds(name: str, what: Said) -> set[str]:
    return {complaint.kind for complaint in judge(find(name), what)}


def test_a_quiet_run_of_which_all_was_said_is_right():
    assert not judge(find("script-sleeps"), said())


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("exit code", said(exit_code=1)),
        ("cannot unsaid", said(letter="")),
        ("training seen", said(code=0)),
        ("training seen", said(texts=("Nothing wrong was seen in 80 s.\n", "\n"))),
        ("alarm", said(episodes=[episode(None, "possible")])),
        ("offer", said(letter=f"{SEES}\nholter:     kill 4711")),
        ("word", said(letter=f"{SEES}\nholter: Windows lets GPU memory overflow")),
        ("word", said(texts=(NOT_SEEN[0], "容器\n"))),
        ("unsafe", said(letter=f"{SEES}\nholter:     bash -c 'a && python b.py' --c")),
        ("action", said(events=(ActionTaken(t_s=70.0, action="restart", state="begun"),))),
    ],
)
def test_what_is_wrong_in_a_healthy_run_is_found(kind, what):
    assert kind in kinds("script-sleeps", what)


def test_a_broken_run_may_name_its_true_cause_and_no_other():
    right = said(letter=TOLD, texts=RAISED, code=1, exit_code=1, episodes=[episode()])
    assert not kinds("script-raises", right) - {"live, later"}
    wrong = said(texts=RAISED, code=1, exit_code=1, episodes=[episode("export-lost-result-hang")])
    assert {"false cause", "false confirmed"} <= kinds("script-raises", wrong)


@pytest.mark.parametrize("command", ["kill 4711", "python plain.py raise --c"])
def test_a_safe_command_that_ends_something_and_one_with_a_foreign_option_are_unsafe(command):
    what = said(texts=RAISED, code=1, exit_code=1, episodes=[episode(command=command)])
    assert "unsafe" in kinds("script-raises", what)
    thaw = said(texts=RAISED, code=1, exit_code=1, episodes=[episode(command="kill -CONT 4711")])
    assert "unsafe" not in kinds("script-raises", thaw)


def test_what_heal_cannot_do_must_be_said_before_the_start():
    case = replace(find("script-raises-healed"), sees=(), at_end=())
    before = "holter: if the training dies, Holter cannot start it again: x; --resume-command CMD names a command"
    for letter, is_right in ((f"{before}\n{SEES}", True), (f"{SEES}\n{before}", False)):
        what = said(letter=letter, texts=RAISED, code=1, exit_code=1, episodes=[episode()])
        assert any(complaint.kind == "cannot unsaid" for complaint in judge(case, what)) != is_right


@pytest.mark.parametrize("case", [case for case in CASES if case.broken], ids=lambda case: case.name)
def test_a_broken_run_of_which_nothing_is_said_is_wrong(case):
    mute = said(texts=("Nothing wrong was seen in 80 s.\n", "\n"), code=0)
    assert any(complaint.kind == "silent" for complaint in judge(case, mute))


def test_what_is_said_only_later_or_only_live_is_not_enough():
    for letter, texts in ((SEES, RAISED), (TOLD, NOT_SEEN)):
        assert "silent" in kinds("script-raises", said(letter=letter, texts=texts, exit_code=1, episodes=[episode()]))


def test_a_cause_that_is_not_the_fault_s_own_is_a_false_one():
    wrong = said(letter=SEES, texts=RAISED, code=1, episodes=[episode("slow-storage")])
    assert "false cause" in kinds("loader-locked", wrong)


@pytest.mark.parametrize(("code", "is_right"), [(-9, True), (137, True), (0, False), (1, False), (None, False)])
def test_a_killed_training_ends_with_the_code_of_the_signal(code, is_right):
    assert ("exit code" in kinds("shell-killed", said(exit_code=code))) != is_right


@pytest.mark.parametrize(("epoch", "is_right"), [(1, True), (OLDER_EPOCH, False)])
def test_a_restart_goes_on_from_nothing_but_a_checkpoint_of_its_own(epoch, is_right):
    restart = ActionTaken(
        t_s=50.0, action="restart", state="begun", text="bash -c 'nnUNetv2_train 801 3d_fullres 0 --c'"
    )
    what = said(events=(restart,), beats=(Beat(t_s=60.0, pid=1, phase="train", epoch=epoch),))
    assert ("action" in kinds("shell-plain-killed", what)) != is_right


def test_every_start_is_played_healthy_and_broken():
    for start in STARTS:
        cases = [case for case in CASES if case.start == start]
        assert {case.broken for case in cases} == {True, False}, start
    assert len({case.name for case in CASES}) == len(CASES)
    assert set(NAMES) == set(KINDS)


def test_a_start_that_was_not_played_leaves_its_goal_open_and_a_complaint_misses_two():
    wrong = Outcome(name="a", start="bash -c", broken=True, complaints=(("word", "Windows"),))
    skipped = Outcome(name="b", start="nnU-Net v1, one layer", broken=True, skipped="no network")
    goals = {goal.name: goal.met for goal in table.goals([wrong, skipped])}
    assert (goals[NAMES["word"]], goals["all that is wrong: bash -c"]) == (False, False)
    assert goals["all that is wrong: nnU-Net v1, one layer"] is None
    assert goals[NAMES["alarm"]] is True
