"""``python -m benchmarks.gpu``: training speed with Holter's loader, as a share of the GPU's maximum.

nnU-Net's own benchmark trainers set the marks: one trains on a batch that is on the GPU and loads nothing (the
ceiling), the other loads data. Each training runs in a process of its own that is bound, with its children, to two
processors or to all; the fastest epoch counts, as in nnU-Net's benchmark. Data are generated; no preparation is
needed. Without a GPU everything runs at a tiny size to show that it works, and no goal is judged. Rows that were not
measured, because a GPU, processors or time were missing, are listed as such.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from benchmarks.gpu import cost, data
from benchmarks.gpu.data import Case, Size
from benchmarks.gpu.one import MARK, WHICH
from benchmarks.material import say
from benchmarks.reporting import Goal, Row, conclude

FEW_CPUS = 2
FORWARD_ONLY = 1 / 3  # share of a step's work in validation: no gradients
PLENTY_CPUS = 13  # nnU-Net's default of 12 workers, and the training
CASES = (Case(1, 2), Case(1, 20), Case(4, 2), Case(4, 20))
MANY_LABELS = 40
UNMEASURED = "not measured in this run"

CEILING_GOAL_PERCENT = 95.0
HARMLESS_GOAL_PERCENT = 98.0
STEP_GOAL_PERCENT = 3.0
MS_GOAL = 2.0
MIB_GOAL = 250.0
LABELS_GOAL = 1.2


class Plan(NamedTuple):
    """Sizes and numbers of the measurements."""

    size: Size
    cases: tuple[Case, ...]
    epochs: int
    iterations: int
    val_iterations: int
    cost_batches: int


FULL = Plan(data.FULL, CASES, 5, 250, 50, 500)
QUICK = Plan(data.FULL, (CASES[0], CASES[3]), 3, 60, 10, 100)
TINY = Plan(data.TINY, CASES[:1], 2, 3, 1, 3)


class Run(NamedTuple):
    """One training."""

    which: str
    cpus: int
    fastest_s: float
    median_s: float


def main() -> int:
    """Measure, print tables, write JSON if asked; return 1 if a goal was missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short epochs and the two extreme data sets")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--json", type=Path, help="write results and goals to this file")
    options = parser.parse_args()
    plan = TINY if options.device == "cpu" else QUICK if options.quick else FULL
    with tempfile.TemporaryDirectory(prefix="holter-gpu-") as folder:
        rows, goals = measure(plan, options.device, Path(folder))
    return conclude(rows, goals, options.json)


def measure(plan: Plan, device: str, folder: Path) -> tuple[list[Row], list[Goal]]:
    """Measure trainings, then transforms alone."""
    speeds: dict[Case, list[Run]] = {}
    for case in plan.cases:
        say(f"writing {case.channels} channels, {case.labels} labels")
        data.write(folder / "preprocessed", case, plan.size)
        speeds[case] = trainings(plan, case, device, folder)
    costs = {case: cost.measure(case, plan.size.patch, device, plan.cost_batches) for case in plan.cases}
    few, many = (
        cost.measure(Case(1, number), plan.size.patch, device, plan.cost_batches).ms for number in (2, MANY_LABELS)
    )
    labels_ratio = many / few if few and many else None
    rows = [
        row for case in CASES for row in (rows_of(case, speeds[case], costs[case]) if case in speeds else [left(case)])
    ]
    rows.append(row(f"transforms, {MANY_LABELS} labels against 2", labels_ratio, "x", ""))
    return rows, goals_of(plan, device, speeds, costs, labels_ratio)


def trainings(plan: Plan, case: Case, device: str, folder: Path) -> list[Run]:
    """Run all three ways, on two processors and on all."""
    usable = sorted(os.sched_getaffinity(0))
    runs = []
    for cpus in dict.fromkeys((FEW_CPUS, len(usable))):
        for which in WHICH:
            run = train(which, case, device, usable[:cpus], plan, folder)
            say(f"{which} on {cpus} CPUs: fastest epoch {run.fastest_s:.2f} s")
            runs.append(run)
    return runs


def train(which: str, case: Case, device: str, cpus: Sequence[int], plan: Plan, folder: Path) -> Run:
    """Run one training; its whole tree of processes is bound to these processors."""
    numbers = map(str, (plan.epochs, plan.iterations, plan.val_iterations))
    variables = {f"nnUNet_{name}": str(folder / name) for name in ("raw", "preprocessed", "results")}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu.one", which, case.dataset, device, *numbers],
        env={**os.environ, **variables},
        preexec_fn=lambda: os.sched_setaffinity(0, cpus),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    lines = [line.removeprefix(MARK) for line in done.stdout.splitlines() if line.startswith(MARK)]
    if not lines:
        raise SystemExit(f"the training {which} failed:\n{done.stdout[-4000:]}")
    result = json.loads(lines[-1])
    if which == "holter" and result["loader"] != "Feed":
        raise SystemExit(f"Holter's loader was not used:\n{done.stdout[-4000:]}")
    seconds: list[float] = result["epochs_s"]
    return Run(which, len(cpus), min(seconds), statistics.median(seconds))


def rows_of(case: Case, runs: Sequence[Run], spent: cost.Cost) -> list[Row]:
    """Return all rows about one data set."""
    name = case.name
    rows = []
    for run in runs:
        share = percent(runs, "ceiling", run)
        note = f"{share:.1f} % of the ceiling; median {run.median_s:.2f} s"
        rows.append(row(f"{name}: {run.which}, {run.cpus} CPUs, fastest epoch", run.fastest_s, "s", note))
    rows.append(row(f"{name}: transforms of a batch", spent.ms, "ms", "copies to the device included"))
    rows.append(row(f"{name}: transforms, memory", spent.mib, "MiB", "at most, with one batch"))
    return rows


def left(case: Case) -> Row:
    """Return the row of a data set that was not measured."""
    return row(f"{case.name}: everything", None, "", UNMEASURED)


def percent(runs: Sequence[Run], mark: str, run: Run) -> float:
    """Speed of a run in percent of another way's on the same processors."""
    base = next(base_run for base_run in runs if base_run.which == mark and base_run.cpus == run.cpus)
    return 100 * base.fastest_s / run.fastest_s


def goals_of(
    plan: Plan, device: str, speeds: dict[Case, list[Run]], costs: dict[Case, cost.Cost], labels_ratio: float | None
) -> list[Goal]:
    """Return the goals; open without a GPU, with too few processors to compare, or if a case was left out."""
    goals, is_real = [], device == "cuda"
    for case in dict.fromkeys((*speeds, *CASES)):
        name, runs = case.name, speeds.get(case)
        ceiling, harmless, step_s = _speeds(plan, runs) if runs else (None, None, None)
        spent = costs.get(case, cost.Cost(None, None))
        share = None if spent.ms is None or step_s is None else spent.ms / step_s / 10
        goals += [
            goal(f"at least: {name}, 2 CPUs (% of the ceiling)", CEILING_GOAL_PERCENT, ceiling, is_real, least=True),
            goal(f"at least: {name}, many CPUs (% of stock)", HARMLESS_GOAL_PERCENT, harmless, is_real, least=True),
            goal(f"{name}, transforms (ms a batch)", MS_GOAL, spent.ms, is_real),
            goal(f"{name}, transforms (% of a step)", STEP_GOAL_PERCENT, share, is_real),
            goal(f"{name}, transforms (MiB)", MIB_GOAL, spent.mib, is_real),
        ]
    return [*goals, goal(f"{MANY_LABELS} labels (x the cost of 2)", LABELS_GOAL, labels_ratio, is_real)]


def _speeds(plan: Plan, runs: Sequence[Run]) -> tuple[float | None, float | None, float]:
    # Percent of the ceiling on few processors, percent of stock on many, and the seconds of a step.
    few, many = (next(run for run in runs if run.which == "holter" and run.cpus == cpus) for cpus in _counts(runs))
    ceiling = percent(runs, "ceiling", few) if few.cpus == FEW_CPUS else None
    harmless = percent(runs, "stock", many) if many.cpus >= PLENTY_CPUS else None
    steps = plan.iterations + plan.val_iterations * FORWARD_ONLY
    return ceiling, harmless, next(run.fastest_s for run in runs if run.which == "ceiling") / steps


def _counts(runs: Sequence[Run]) -> tuple[int, int]:
    counts = [run.cpus for run in runs]
    return min(counts), max(counts)


def goal(name: str, wanted: float, measured: float | None, is_real: bool, *, least: bool = False) -> Goal:
    """Return one goal; ``least``: a lower limit."""
    if measured is None or not is_real:
        return Goal(name, wanted, None, None)
    return Goal(name, wanted, round(measured, 3), measured >= wanted if least else measured <= wanted)


def row(name: str, value: float | None, unit: str, note: str) -> Row:
    """Return one row of the table."""
    return {"name": name, "value": None if value is None else round(value, 3), "unit": unit, "note": note}


if __name__ == "__main__":
    sys.exit(main())
