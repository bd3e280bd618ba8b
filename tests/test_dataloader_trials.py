"""The benchmark of PyTorch's DataLoader: it notices what is wrong, goes on where it ended, and its trials run."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from benchmarks.dataloader import __main__ as benchmark
from benchmarks.dataloader import cost, fuzz, growth, play

OURS = play.Interpreter(sys.executable, "2.13.0", "3.11.7")


def result(number=0, **values):
    right = {
        "number": number,
        "torch": OURS.torch,
        "commit": fuzz.commit_of_tree(),
        "fault": "kill",
        "wrong": 0,
        "error": None,
        "longest_s": 0.1,
        "descriptors": 20,
    }
    return {**right, **values}


def missed(goals):
    return [goal.name for goal in goals if goal.met is False]


@pytest.mark.parametrize(
    ("results", "names"),
    [
        ([result()], []),
        ([result(), result(wrong=1)], ["lost, doubled, moved or altered batches"]),
        ([result(error="RuntimeError: killed")], ["trainings that ended by an error"]),
        ([result(), {"number": 1, "hung": True}], ["hangs"]),
        ([result(longest_s=3.5)], ["longest wait of a training, p95 s"]),
        ([{"number": 0, "hung": True}], ["lost, doubled, moved or altered batches", "hangs"]),
    ],
)
def test_a_missed_goal_is_noticed(results, names):
    assert missed(fuzz.goals(results)) == names
    assert len(fuzz.problems(results)) == sum(name != "longest wait of a training, p95 s" for name in names[:1])


def test_trials_go_on_where_they_ended(tmp_path: Path, monkeypatch):
    file = tmp_path / "results.jsonl"
    played = []

    def run(numbers, python):
        assert python is OURS
        for number in numbers:
            played.append(number)
            yield result(number)

    monkeypatch.setattr(fuzz, "run", run)
    benchmark.trials(range(3), file, OURS)
    with file.open("a") as lines:
        lines.write(json.dumps(result(7, wrong=2)) + "\n" + '{"number": 8, "wro')
    assert [each["number"] for each in benchmark.trials(range(1, 5), file, OURS)] == [0, 1, 2, 7, 3, 4]
    assert played == [0, 1, 2, 3, 4]


def test_the_trials_of_another_pytorch_do_not_count(tmp_path: Path):
    file = tmp_path / "results.jsonl"
    for found in (result(0), result(1, torch="2.4.1"), {**result(2), "torch": None}):
        fuzz.keep(file, found)
    assert [each["number"] for each in fuzz.kept(file, OURS.torch)] == [0]


def test_the_trials_of_another_commit_do_not_count(tmp_path: Path):
    file = tmp_path / "results.jsonl"
    for found in (result(0), result(1, commit="0000000")):
        fuzz.keep(file, found)
    assert [each["number"] for each in fuzz.kept(file, OURS.torch)] == [0]


def test_a_python_without_pytorch_is_said(tmp_path: Path):
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho "No module named torch" >&2\nexit 1\n')
    python.chmod(0o755)
    with pytest.raises(SystemExit, match="has no PyTorch:\nNo module named torch"):
        play.interpreter(str(python))


@pytest.mark.parametrize(
    ("text", "found"), [(None, range(500)), ("60", range(60)), ("240-259", range(240, 260)), ("7-7", range(7, 8))]
)
def test_the_numbers_of_trials_are_a_count_or_a_range(text, found):
    assert benchmark.numbers(text, quick=False) == found


def test_a_wrong_range_is_said():
    with pytest.raises(SystemExit, match="240-259"):
        benchmark.numbers("1,2", quick=False)


def test_numbers_that_follow_one_another_share_a_process():
    assert fuzz.consecutive([3, 4, 5, 9, 10]) == [3, 4, 5]
    assert fuzz.consecutive([3]) == [3]


@pytest.mark.training
def test_a_trial_kills_a_worker_and_receives_every_batch():
    (done,) = fuzz.run([0], play.interpreter())
    assert (done["hung"], done["fault"], done["wrong"], done["error"]) == (False, "kill", 0, None), json.dumps(done)


@pytest.mark.training
@pytest.mark.long
def test_ctrl_c_in_the_middle_of_trials_leaves_no_process_and_no_file():
    with tempfile.TemporaryDirectory() as folder:  # shorter than tmp_path: sockets are made below it
        file = Path(folder) / "results.jsonl"
        command = [sys.executable, "-m", "benchmarks.dataloader", "--trials", "40", "--no-cost", "--results", file]
        variables = {**play.environment(None), "TMPDIR": folder}
        process = subprocess.Popen(command, cwd=play.ROOT, stderr=subprocess.PIPE, text=True, env=variables)
        until = time.monotonic() + 240
        while not (file.exists() and file.read_text().count("\n")) and time.monotonic() < until:
            time.sleep(0.1)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.send_signal(signal.SIGINT)
        errors = process.communicate(timeout=60)[1]
        assert process.returncode == 130, errors
        assert children
        assert [_living(child) for child in children] == [[] for _ in children]
        assert [entry.name for entry in Path(folder).iterdir()] == [file.name]
        assert fuzz.kept(file, play.interpreter().torch)[0]["wrong"] == 0


def _living(group: str) -> list[str]:
    """Return what /proc says of the processes of a group that have not ended."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, its_group, *_ = stat.read_text().rpartition(") ")[2].split()
            if its_group == group and state != "Z":
                found.append(stat.read_text())
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("program", "hangs"), [("import time; time.sleep(60)", True), ("while True: pass", False)])
def test_a_trial_hangs_if_it_waits_and_not_if_it_works(monkeypatch, program, hangs):
    """Trials at idle priority on a busy machine were called hangs after a minute without a line."""
    monkeypatch.setattr(play, "SILENT_S", 1.0)
    process = subprocess.Popen([sys.executable, "-c", program], start_new_session=True, stdout=subprocess.PIPE)
    time.sleep(0.5)
    silence, found = play.Silence(process.pid), False
    for _ in range(20):
        time.sleep(0.2)
        found = found or silence.is_a_hang()
    process.kill()
    process.wait()
    assert found is hangs


def samples(count=100, **each_heal):
    """Return the rounds of a soak. A quantity grows by so much at each replacement; memory goes up and down as well."""
    first = {"memory_mb": 200.0, "shm_mb": 0.0, "descriptors": 30, "threads": 4, "children": 0, "maps": 900}
    return tuple(
        {name: value + each_heal.get(name, 0) * heals for name, value in first.items()}
        | {"heals": heals, "wrong": 0}
        | {"memory_mb": 200.0 + 3 * (heals % 42) / 42 + each_heal.get("memory_mb", 0) * heals}
        for heals in range(6, 6 * count + 6, 6)
    )


@pytest.mark.parametrize(
    ("grows", "names"),
    [
        ({}, []),
        ({"memory_mb": 0.01}, ["memory, MB"]),  # a hundred small objects kept
        ({"descriptors": 1}, ["descriptors"]),
        ({"descriptors": 0.01, "maps": 0.03}, ["descriptors", "memory mappings"]),
        ({"shm_mb": 0.04}, ["/dev/shm, MB"]),
        ({"children": 1, "threads": 1}, ["threads", "child processes"]),
    ],
)
def test_what_grows_with_the_replacements_is_noticed(grows, names):
    soak = growth.Soak(600, samples(**grows), None)
    assert [name.partition(":")[0] for name in missed(growth.goals(soak))] == names


def test_what_the_first_rounds_load_is_no_growth():
    """Caches and modules of the first replacements stay; later ones add nothing."""
    early = [sample | {"memory_mb": 120.0, "descriptors": 9} for sample in samples()[:8]]
    assert missed(growth.goals(growth.Soak(600, (*early, *samples()[8:]), None))) == []


def test_a_soak_that_ends_before_its_time_meets_no_goal_that_it_did_not_measure():
    for soak in (growth.Soak(1000, (), "it hung"), growth.Soak(1000, samples(2), "it hung")):
        goals = growth.goals(soak)
        assert goals[0].met is False
        assert {goal.met for goal in goals[2:]} == {None}


@pytest.mark.training
@pytest.mark.long
def test_a_short_soak_replaces_workers_and_holds_nothing():
    soak = growth.run(24)
    assert (soak.problem, soak.heals >= 24) == (None, True)
    assert [sample["wrong"] for sample in soak.samples] == [0] * len(soak.samples)
    for name, more in (("children", 1), ("threads", 3), ("descriptors", 10)):  # far less than one for each of them
        assert soak.samples[-1][name] <= soak.samples[0][name] + more, name


def test_the_cost_is_the_median_of_the_pairs_and_not_of_the_runs():
    """The clock rate rose from pair to pair; within each pair the hook cost 5 us."""
    measured = cost.Cost(0, (10.0, 30.0, 50.0), (15.0, 35.0, 95.0), (4.0, 4.0, 4.0))
    assert measured.added_us == 5.0
    assert [row["added"] for row in cost.rows([measured])] == [5.0]
    assert missed(cost.goals([measured])) == []
    assert len(missed(cost.goals([cost.Cost(1, (10.0,), (31.0,), (1.0,))]))) == 1
