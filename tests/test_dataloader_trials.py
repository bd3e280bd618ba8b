"""The benchmark of PyTorch's DataLoader: it notices what is wrong, and its trials run."""

from __future__ import annotations

import json

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
