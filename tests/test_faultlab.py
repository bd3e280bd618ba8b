"""The fault lab's catalogue and its bookkeeping; a run of one fault and one healthy training, for real."""

from __future__ import annotations

import datetime
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import psutil
import pytest

pytest.importorskip("benchmarks", reason="the benchmarks are beside the source: python -m pytest in the checkout")

from benchmarks.faultlab import table
from benchmarks.faultlab.__main__ import chosen, parser
from benchmarks.faultlab.catalogue import QUICK, QUICK_HEALTHY, find
from benchmarks.faultlab.score import Outcome, score, until
from benchmarks.faults.catalogue import CAMPAIGN, FAULTS, HEALTHY, SUBJECTS
from benchmarks.faults.fault import TRAINERS, Armed

from holter.causes import CAUSES
from holter.errors import BadInput
from holter.records import Noted
from holter.tape import read

ROOT = Path(__file__).parents[1]
TAPES = ROOT / "tests" / "tapes"


def outcome(**more) -> Outcome:
    good = {"name": "a", "cause": "x", "named": (("x", "confirmed", 0.9),), "alarm_s": 1.0, "cause_s": 2.0}
    return Outcome(**{**good, **more})


def goal(name: str, outcomes: list[Outcome]) -> bool | None:
    return next(goal.met for goal in table.goals(outcomes) if goal.name == name)


def test_there_are_enough_faults_and_healthy_variations_and_each_has_its_own_name():
    assert len(FAULTS) >= 79
    assert len(HEALTHY) >= 42
    for kind, found in (("FAULTS", FAULTS), ("HEALTHY", HEALTHY), ("CAMPAIGN", CAMPAIGN)):
        assert len(found) == sum(len(getattr(subject, kind, ())) for subject in SUBJECTS)
    assert not set(FAULTS) & set(HEALTHY)
    assert {*QUICK, *QUICK_HEALTHY} <= {*FAULTS, *HEALTHY}


def test_every_file_of_a_subject_is_in_the_catalogue():
    tables = re.compile(r"^(FAULTS|HEALTHY|CAMPAIGN) = \(", re.MULTILINE)
    files = (ROOT / "benchmarks" / "faults").glob("*.py")
    assert {f"benchmarks.faults.{file.stem}" for file in files if tables.search(file.read_text())} == {
        subject.__name__ for subject in SUBJECTS
    }


def test_every_fault_names_causes_that_a_diagnosis_can_name_and_a_healthy_variation_none():
    named = {cause for make in FAULTS.values() for cause in (make().cause, *make().also)}
    assert named <= set(CAUSES)
    assert {cause for make in HEALTHY.values() for cause in (make().cause, *make().also)} == {None}


def test_every_fault_says_what_it_is():
    for name, make in {**FAULTS, **HEALTHY}.items():
        assert (make().name, bool(make().summary)) == (name, True)


def test_a_fact_that_no_fault_declares_is_refused():
    with pytest.raises(TypeError, match="Armed declares no 'epoch'"):
        Armed(epoch=3)


def test_trainers_that_faults_ask_for_are_there():
    there = " ".join(file.read_text() for file in TRAINERS.glob("*.py"))
    for name, make in {**FAULTS, **HEALTHY, **CAMPAIGN}.items():
        trainer = make().trainer
        assert trainer is None or f"class {trainer}(" in there, name


def test_trainers_read_only_variables_that_faults_set():
    def variables(files) -> set[str]:
        return {name for file in files for name in re.findall(r"\b(?:FAULTLAB|SURVIVAL)_[A-Z_]+", file.read_text())}

    assert variables(TRAINERS.glob("*.py")) == variables(TRAINERS.parent.glob("*.py"))


def test_the_command_line_chooses_and_refuses():
    options = parser().parse_args(["--only", "worker-sigkill,healthy"])
    assert chosen(options) == ["worker-sigkill", *HEALTHY]
    assert chosen(parser().parse_args(["--quick"])) == [*QUICK, *QUICK_HEALTHY]
    with pytest.raises(BadInput, match="worker-sigkil'"):
        chosen(parser().parse_args(["--only", "worker-sigkil"]))


def test_a_good_run_meets_every_goal_and_a_bad_one_does_not():
    first, third = (
        "share of faults whose cause does not come first",
        "share of faults whose cause is not in the first three",
    )
    assert all(goal.met is not False for goal in table.goals([outcome(), outcome(name="b", cause=None, named=())]))
    assert goal(first, [outcome(named=(("y", "confirmed", 0.9), ("x", "likely", 0.6)))]) is False
    assert goal(third, [outcome(named=(("y", "confirmed", 0.9), ("x", "likely", 0.6)))]) is True
    assert goal(third, [outcome(named=(("y", "confirmed", 0.9),))]) is False
    assert goal(first, [outcome(named=(("x", "possible", 0.1),))]) is False  # a guess is not a name
    assert goal("alarm, p95 (s)", [outcome(alarm_s=None)]) is False
    # What comes gradually counts among all of them, and has a goal of its own beside it.
    assert goal("alarm, p95 (s)", [outcome(alarm_s=100.0, gradual=True)]) is False
    assert goal("alarm where it comes at once, p95 (s)", [outcome(alarm_s=100.0, gradual=True)]) is None
    assert goal("alarms in healthy runs", [outcome(cause=None, named=(), early=1)]) is False
    assert goal("runs that could not be made", [outcome(problem="broken")]) is False
    assert goal("actions that would have been wrong", [outcome(false_actions=("restart",))]) is False


def test_another_true_cause_may_come_first_but_the_true_one_must_be_among_the_first_three():
    both = outcome(also=("y",), named=(("y", "confirmed", 0.9), ("x", "likely", 0.6)))
    assert (both.top1, both.top3) == (True, True)
    alone = outcome(also=("y",), named=(("y", "confirmed", 0.9),))
    assert (alone.top1, alone.top3) == (True, False)


def test_a_kept_tape_is_scored_from_its_fault_on():
    tape = TAPES / "frozen_worker" / "fault.holter"
    recording = read(tape)
    fault_s = next(note.t_s for note in recording.events(Noted) if note.what == "fault")
    began = told_began(tape)
    found = score(find("worker-sigstop"), tape, began + fault_s, began + recording.duration_s)
    assert (found.top1, found.early, found.kind) == (True, 0, recording.episodes()[0].kind)
    assert found.alarm_s == pytest.approx(recording.episodes()[0].alarm_s - fault_s, abs=0.02)
    late = score(find("worker-sigstop"), tape, began + recording.duration_s, began + recording.duration_s)
    assert (late.early, late.named) == (1, ())  # an alarm before the fault is a false one


def told_began(tape: Path) -> float:
    environment = read(tape).environment
    assert environment is not None
    return datetime.datetime.fromisoformat(environment.wall_start).timestamp()


def test_what_follows_the_end_of_a_run_is_not_looked_at():
    recording = read(TAPES / "frozen_worker" / "fault.holter")
    alarm_s = recording.episodes()[0].alarm_s
    assert until(recording, alarm_s - 0.1).episodes() == ()
    cut = until(recording, alarm_s + 1)
    assert cut.episodes()[0].end_s is None
    assert cut.duration_s <= alarm_s + 1


@pytest.mark.sample
@pytest.mark.training
def test_a_fault_is_made_found_and_undone(tmp_path):
    environment = {**os.environ, "FAULTLAB_TEST": str(tmp_path)}  # every process of the run has it
    command = [
        sys.executable,
        "-m",
        "benchmarks.faultlab",
        "--only",
        "worker-sigkill",
        "--json",
        str(tmp_path / "a.json"),
    ]
    done = subprocess.run(
        [*command, "--keep", str(tmp_path / "kept")], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    (result,) = json.loads((tmp_path / "a.json").read_text())["results"]
    assert (result["true cause"], result["first"]) == ("worker-killed", "yes")
    kept = msgspec.json.decode((tmp_path / "kept" / "worker-sigkill.json").read_bytes(), type=table.Kept)
    assert kept.outcome.top1
    assert kept.over > (kept.struck or 0.0)
    everywhere = [(process.info["environ"] or {}).get("FAULTLAB_TEST") for process in psutil.process_iter(["environ"])]
    assert str(tmp_path) not in everywhere
