"""How much of a GPU's speed is left when few cores feed it: ``python -m benchmarks.stand_in [--quick]``.

A step of the training is imitated by a sleep of the length that 128 x 128 x 128 patches take on an A100 (131 ms) and on
an H200 (66 ms). The ceiling is the same loop over a batch that is at hand. nnU-Net's workers and Holter's threads take
turns; the median round counts. No GPU is needed; alone on the machine, please.
"""

from __future__ import annotations

import itertools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.loader import at_least, row
from benchmarks.loader_scene import pin
from benchmarks.loader_scenes import ours, stock, stock_loader
from benchmarks.material import say
from benchmarks.organs import SCENES, write_scene
from benchmarks.reporting import Goal, Row, conclude, machine, options_of
from holter.transforms.kernels import found

SCENE = SCENES[0]
STEPS_BEFORE = 8  # batches that were made in advance


class Case(NamedTuple):
    """One GPU beside so many cores, and the share of its speed that Holter must keep."""

    name: str
    step_s: float
    cores: int
    goal: float


CASES = (
    Case("A100-like, 2 cores", 0.131, 2, 0.99),
    Case("H200-like, 2 cores", 0.066, 2, 0.97),
    Case("A100-like, 1 core", 0.131, 1, 0.95),
)


def main() -> int:
    """Measure, print tables, write JSON if asked; return 1 if a goal was missed."""
    parser = options_of("stand_in", __doc__, quick="fewer and shorter rounds: six minutes")
    options = parser.parse_args()
    rounds, seconds = (2, 10.0) if options.quick else (5, 30.0)
    say(f"on cores {pin()}")
    rows: list[Row] = []
    goals: list[Goal] = []
    with tempfile.TemporaryDirectory(prefix="holter-steps-") as scratch:
        say(f"{SCENE.name}: writing {SCENE.cases} cases")
        data = write_scene(Path(scratch), SCENE)
        for case in CASES:
            of_case = measure(case, data, rounds, seconds)
            for name, per_s in of_case.items():
                rows.append(row(f"{case.name}: {name}", per_s, "steps/s", f"step of {case.step_s * 1000:.0f} ms"))
            goals.append(at_least(f"{case.name}: of the ceiling", case.goal, of_case["Holter"] / of_case["ceiling"]))
            rows.append(row(f"{case.name}: nnU-Net of the ceiling", of_case["nnU-Net"] / of_case["ceiling"], "", ""))
    kernels = found().kernels
    facts = {**machine(), "kernels": kernels.name if kernels else str(found().reason)}
    return conclude(rows, goals, options.json, facts)


def measure(case: Case, data: Any, rounds: int, seconds: float) -> dict[str, float]:
    """Return the steps a second of the ceiling and of both loaders, on as many cores as the case has."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[: case.cores])
    try:
        like = stock_loader(SCENE, data)
        speeds: dict[str, list[float]] = {"ceiling": [], "nnU-Net": [], "Holter": []}
        for number in range(rounds):
            speeds["ceiling"].append(steps_per_s(itertools.repeat(None), case.step_s, seconds))
            with stock(like, case.cores) as batches:
                speeds["nnU-Net"].append(steps_per_s(batches, case.step_s, seconds))
            with ours(data, like, case.cores) as batches:
                speeds["Holter"].append(steps_per_s(batches, case.step_s, seconds))
            line = ", ".join(f"{name} {each[-1]:.2f}/s" for name, each in speeds.items())
            say(f"{case.name}, round {number + 1}/{rounds}: {line}")
    finally:
        os.sched_setaffinity(0, cores)
    return {name: statistics.median(each) for name, each in speeds.items()}


def steps_per_s(batches: Iterator[Any], step_s: float, seconds: float) -> float:
    """Take a batch and sleep as long as a step takes, again and again; return how often a second."""
    for _ in range(STEPS_BEFORE):
        next(batches)
    steps, began_s = 0, time.perf_counter()
    while time.perf_counter() - began_s < seconds:
        next(batches)
        time.sleep(step_s)
        steps += 1
    return steps / (time.perf_counter() - began_s)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
