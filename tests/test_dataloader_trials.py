"""The benchmark of PyTorch's DataLoader: it notices what is wrong, and its trials run."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest
from benchmarks.dataloader import __main__ as benchmark


def result(**values):
    right = {"number": 0, "fault": "kill", "wrong": 0, "error": None, "longest_s": 0.1, "descriptors": 20}
    return {**right, **values}


@pytest.mark.parametrize(
    ("results", "hangs", "missed"),
    [
        ([result()], [], []),
        ([result(), result(wrong=1)], [], ["lost, doubled, moved or altered batches"]),
        ([result(error="RuntimeError: killed")], [], ["trainings that ended by an error"]),
        ([result()], [1], ["hangs"]),
        ([result(longest_s=3.5)], [], ["longest wait of a training, p95 s"]),
        ([], [0], ["lost, doubled, moved or altered batches", "hangs"]),
    ],
)
def test_a_missed_goal_is_noticed(results, hangs, missed):
    assert [goal.name for goal in benchmark.goals(results, hangs, None) if goal.met is False] == missed


@pytest.mark.training
def test_a_trial_kills_a_worker_and_receives_every_batch():
    done, hung = benchmark.play(0, 1)
    assert not hung
    assert [(trial["fault"], trial["wrong"], trial["error"]) for trial in done] == [("kill", 0, None)], json.dumps(done)


@pytest.mark.parametrize(("program", "hangs"), [("import time; time.sleep(60)", True), ("while True: pass", False)])
def test_a_trial_hangs_if_it_waits_and_not_if_it_works(monkeypatch, program, hangs):
    """Trials at idle priority on a busy machine were called hangs after a minute without a line."""
    monkeypatch.setattr(benchmark, "SILENT_S", 1.0)
    process = subprocess.Popen([sys.executable, "-c", program], start_new_session=True, stdout=subprocess.PIPE)
    time.sleep(0.5)
    silence, found = benchmark.Silence(process.pid), False
    for _ in range(20):
        time.sleep(0.2)
        found = found or silence.is_a_hang()
    process.kill()
    process.wait()
    assert found is hangs
