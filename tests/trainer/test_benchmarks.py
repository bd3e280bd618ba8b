"""The benchmark that needs a GPU runs without one, at a tiny size, and then judges nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks import accuracy
from benchmarks.gpu import __main__ as gpu
from benchmarks.gpu import cost, data

pytestmark = pytest.mark.training
CASE = data.Case(2, 3)


@pytest.mark.long
def test_a_training_with_holters_loader_is_timed_on_data_that_it_made(tmp_path: Path) -> None:
    data.write(tmp_path / "preprocessed", CASE, data.TINY)
    run = gpu.train("holter", CASE, "cpu", [min(gpu.os.sched_getaffinity(0))], gpu.TINY, tmp_path)
    assert (run.which, run.cpus) == ("holter", 1)
    assert 0 < run.fastest_s <= run.median_s
    assert run.memory == {}  # of a GPU


def test_without_a_gpu_no_goal_is_judged_and_with_one_each_is() -> None:
    spent = cost.measure(CASE, data.TINY, "cpu", 2)
    assert spent.ms is not None and spent.ms > 0 and spent.mib is None
    runs = [
        gpu.Run(which, cpus, seconds, seconds, {"retries": 2, "pinned": 3 << 20})
        for cpus in (2, 16)
        for which, seconds in zip(gpu.WHICH, (10, 10.2, 10.1, 20), strict=True)
    ]
    speeds, costs = {CASE: runs}, {CASE: cost.Cost(1.0, 200.0)}
    judged = {device: gpu.goals_of(gpu.FULL, device, speeds, costs, 1.1) for device in ("cpu", "cuda")}
    assert {goal.met for goal in judged["cpu"]} == {None}
    left_out = tuple(case.name for case in gpu.CASES)
    for goal in judged["cuda"]:
        assert goal.met is (None if any(name in goal.name for name in left_out) else True)
    assert sum(goal.met is None for goal in judged["cuda"]) == 7 * len(gpu.CASES)  # listed as not measured
    slow = [gpu.Run(run.which, run.cpus, 11, 11, {}) if run.which == "holter" else run for run in runs]
    missed = [goal.name for goal in gpu.goals_of(gpu.FULL, "cuda", {CASE: slow}, costs, 1.3) if goal.met is False]
    assert missed == [
        "at least: 2 channels, 3 labels, holter, 2 CPUs (% of the ceiling)", "40 labels (x the cost of 2)"
    ]  # fmt: skip
    named = {row["name"]: row["value"] for row in gpu.rows_of(CASE, runs, spent)}
    assert named["2 channels, 3 labels: holter, 2 CPUs, cache emptied for space"] == 2
    assert named["2 channels, 3 labels: holter, 2 CPUs, pinned memory"] == 3
    assert named["2 channels, 3 labels: transforms of a batch on the GPU, CPU time"] > 0
    assert not any("memory asked of the driver" in name for name in named)  # a counter that is not there


def test_accuracy_is_judged_by_the_means_of_all_seeds() -> None:
    scores = [
        accuracy.Score(loader, seed, dice)
        for seed, pair in enumerate([(80, 81), (82, 80.4)])
        for loader, dice in zip(accuracy.LOADERS, pair, strict=True)
    ]
    assert accuracy.goal_of(scores, is_judged=True) == (accuracy.goal_of(scores, is_judged=True).name, 0.5, 0.3, True)
    assert accuracy.goal_of(scores, is_judged=False).met is None
    ignorant = [score._replace(dice=score.dice - 70) for score in scores]
    assert accuracy.goal_of(ignorant, is_judged=True).met is None
    assert accuracy.rows_of(scores)[-1]["difference"] == -0.3
