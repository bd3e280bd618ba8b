"""``python -m benchmarks.gpu``: training speed with Holter's loader, as a share of the GPU's maximum.

nnU-Net's own benchmark trainers set the marks: one trains on a batch that is on the GPU and loads nothing (the
ceiling), the other loads data: with its own loader (stock), with Holter's and transforms on the CPU (holter), and with
Holter's and transforms on the GPU (holter-gpu). Each training runs in a process of its own that is bound, with its
children, to two processors or to all; the fastest epoch counts, as in nnU-Net's benchmark. Data are generated; no
preparation is needed. Without a GPU everything runs at a tiny size to show that it works, and no goal is judged. Rows
that were not measured, because a GPU, processors or time were missing, are listed as such.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from benchmarks.gpu import cost, data
from benchmarks.gpu.data import Case, Size
from benchmarks.gpu.one import MARK, WHICH
from benchmarks.material import say
from benchmarks.reporting import Goal, Row, conclude, options_of

FEW_CPUS = 2
FORWARD_ONLY = 1 / 3  # share of a step's work in validation: no gradients
PLENTY_CPUS = 13  # nnU-Net's default of 12 workers, and the training
CASES = (Case(1, 2), Case(1, 2, "2d"), Case(4, 20), Case(1, 20), Case(4, 2))
OURS = ("holter", "holter-gpu")
TRANSFORMS_ON = {"holter": "cpu", "holter-gpu": "gpu"}
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
    size_2d: Size
    cases: tuple[Case, ...]
    epochs: int
    iterations: int
    val_iterations: int
    cost_batches: int
    minutes: float  # no training is started that would probably end later

    def size_of(self, case: Case) -> Size:
        """Return the sizes of this data set."""
        return self.size_2d if case.is_2d else self.size


FULL = Plan(data.FULL, data.FULL_2D, CASES, 5, 250, 50, 500, 120)
QUICK = Plan(data.FULL, data.FULL_2D, CASES[:3], 3, 60, 10, 100, 11)
TINY = Plan(data.TINY, data.TINY_2D, CASES[:2], 2, 3, 1, 3, 30)


class Run(NamedTuple):
    """One training."""

    which: str
    cpus: int
    fastest_s: float
    median_s: float
    memory: dict[str, int]  # of one.py: what torch's allocators did


def main() -> int:
    """Measure, print tables, write JSON if asked; return 1 if a goal was missed."""
    parser = options_of("gpu", __doc__, quick="short epochs, three of the data sets, 11 minutes at most")
    parser.add_argument("--minutes", type=float, help="another limit of the time")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    plan = TINY if options.device == "cpu" else QUICK if options.quick else FULL
    if options.minutes is not None:
        plan = plan._replace(minutes=options.minutes)
    with tempfile.TemporaryDirectory(prefix="holter-gpu-") as folder:
        rows, goals = measure(plan, options.device, Path(folder))
    return conclude(rows, goals, options.json)


def measure(plan: Plan, device: str, folder: Path) -> tuple[list[Row], list[Goal]]:
    """Measure the transforms alone, then trainings while there is time."""
    ends_s = time.monotonic() + 60 * plan.minutes
    costs = {}
    for case in plan.cases:
        costs[case] = cost.measure(case, plan.size_of(case), device, plan.cost_batches)
        say(f"{case.name}: transforms of a batch on {device} {costs[case].ms:.2f} ms, {costs[case].mib} MiB")
    few, many = (cost.measure(Case(1, number), plan.size, device, plan.cost_batches).ms for number in (2, MANY_LABELS))
    labels_ratio = many / few if few and many else None
    speeds: dict[Case, list[Run]] = {}
    for case in plan.cases:
        if time.monotonic() < ends_s:
            say(f"writing {case.name}")
            data.write(folder / "preprocessed", case, plan.size_of(case))
            speeds[case] = trainings(plan, case, device, folder, ends_s)
    rows = [
        row
        for case in CASES
        for row in (rows_of(case, speeds.get(case, []), costs[case]) if case in costs else [left(case)])
    ]
    rows.append(row(f"transforms, {MANY_LABELS} labels against 2", labels_ratio, "x", ""))
    return rows, goals_of(plan, device, speeds, costs, labels_ratio)


def trainings(plan: Plan, case: Case, device: str, folder: Path, ends_s: float) -> list[Run]:
    """Run every way on all processors, then on two: what torch.compile makes in the first run, the others find."""
    usable = sorted(os.sched_getaffinity(0))
    runs: list[Run] = []
    for cpus in dict.fromkeys((len(usable), min(FEW_CPUS, len(usable)))):
        longest_s = 0.0
        for which in WHICH:
            began_s = time.monotonic()
            if began_s + longest_s > ends_s:
                say(f"{which} on {cpus} CPUs: no time left")
                continue
            run = train(which, case, device, usable[:cpus], plan, folder)
            longest_s = max(longest_s, time.monotonic() - began_s)
            say(f"{case.name}, {which} on {cpus} CPUs: epochs {run.fastest_s:.2f} s, in all {longest_s:.0f} s")
            runs.append(run)
    return runs


def train(which: str, case: Case, device: str, cpus: Sequence[int], plan: Plan, folder: Path) -> Run:
    """Run one training; its whole tree of processes is bound to these processors."""
    numbers = map(str, (plan.epochs, plan.iterations, plan.val_iterations))
    variables = {f"nnUNet_{name}": str(folder / name) for name in ("raw", "preprocessed", "results")}
    if which in OURS:
        variables["HOLTER_LOADER_TRANSFORMS"] = TRANSFORMS_ON[which]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu.one", which, case.dataset, case.configuration, device, *numbers],
        env={**os.environ, **variables},
        preexec_fn=lambda: os.sched_setaffinity(0, cpus),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    lines = [line.removeprefix(MARK) for line in done.stdout.splitlines() if line.startswith(MARK)]
    if not lines:
        raise SystemExit(f"the training {which} failed:\n{done.stdout[-4000:]}")
    result = json.loads(lines[-1])
    wanted = device if which == "holter-gpu" else "cpu"
    if which in OURS and (result["loader"] != "Feed" or not result["transforms"].startswith(wanted)):
        raise SystemExit(f"Holter's loader was not used, or its transforms were elsewhere:\n{done.stdout[-4000:]}")
    seconds: list[float] = result["epochs_s"]
    return Run(which, len(cpus), min(seconds), statistics.median(seconds), result["memory"])


def rows_of(case: Case, runs: Sequence[Run], spent: cost.Cost) -> list[Row]:
    """Return all rows about one data set."""
    name = case.name
    rows = []
    for run in runs:
        share = percent(runs, "ceiling", run)
        of_ceiling = "" if share is None else f"{share:.1f} % of the ceiling; "
        note = f"{of_ceiling}median {run.median_s:.2f} s"
        rows.append(row(f"{name}: {run.which}, {run.cpus} CPUs, fastest epoch", run.fastest_s, "s", note))
        rows += memory_rows(f"{name}: {run.which}, {run.cpus} CPUs", run.memory)
    rows.append(row(f"{name}: transforms of a batch on the GPU", spent.ms, "ms", "copies to the device included"))
    rows.append(row(f"{name}: transforms of a batch on the GPU, CPU time", spent.host_ms, "ms", "to start their work"))
    rows.append(row(f"{name}: transforms on the GPU, memory", spent.mib, "MiB", "at most, with one batch"))
    return rows


def memory_rows(name: str, counters: dict[str, int]) -> list[Row]:
    """Return what torch's allocators did in one training; the ceiling's numbers show what the network alone does."""
    words = {
        "retries": ("cache emptied for space", "times", 1, "the GPU waits each time"),
        "allocations": ("memory asked of the driver", "times", 1, "the GPU waits each time"),
        "pinned": ("pinned memory", "MiB", cost.MIB, "at most"),
    }
    found = [(*words[counter], value) for counter, value in counters.items()]
    return [row(f"{name}, {what}", value / size, unit, note) for what, unit, size, note, value in found]


def left(case: Case) -> Row:
    """Return the row of a data set that was not measured."""
    return row(f"{case.name}: everything", None, "", UNMEASURED)


def percent(runs: Sequence[Run], mark: str, run: Run | None) -> float | None:
    """Speed of a run in percent of another way's on the same processors; None if one of them was not measured."""
    base = next((base for base in runs if run is not None and base[:2] == (mark, run.cpus)), None)
    return None if base is None or run is None else 100 * base.fastest_s / run.fastest_s


def goals_of(
    plan: Plan, device: str, speeds: dict[Case, list[Run]], costs: dict[Case, cost.Cost], labels_ratio: float | None
) -> list[Goal]:
    """Return the goals; open without a GPU, with too few processors to compare, or if a case was left out."""
    goals, is_real = [], device == "cuda"
    steps = plan.iterations + plan.val_iterations * FORWARD_ONLY
    for case in dict.fromkeys((*speeds, *CASES)):
        name, runs = case.name, speeds.get(case, [])
        for which in OURS:
            few = next((run for run in runs if (run.which, run.cpus) == (which, FEW_CPUS)), None)
            many = next((run for run in runs if run.which == which and run.cpus >= PLENTY_CPUS), None)
            ceiling, harmless = percent(runs, "ceiling", few), percent(runs, "stock", many)
            goals += [
                goal(f"at least: {name}, {which}, 2 CPUs (% of the ceiling)",
                     CEILING_GOAL_PERCENT, ceiling, is_real, least=True),
                goal(f"at least: {name}, {which}, many CPUs (% of stock)",
                     HARMLESS_GOAL_PERCENT, harmless, is_real, least=True),
            ]  # fmt: skip
        spent = costs.get(case, cost.Cost(None, None))
        fastest_s = min((run.fastest_s for run in runs if run.which == "ceiling"), default=None)
        share = None if spent.ms is None or fastest_s is None else spent.ms / (fastest_s / steps) / 10
        goals += [
            goal(f"{name}, transforms on the GPU (ms a batch)", MS_GOAL, spent.ms, is_real),
            goal(f"{name}, transforms on the GPU (% of a step)", STEP_GOAL_PERCENT, share, is_real),
            goal(f"{name}, transforms on the GPU (MiB)", MIB_GOAL, spent.mib, is_real),
        ]
    return [*goals, goal(f"{MANY_LABELS} labels (x the cost of 2)", LABELS_GOAL, labels_ratio, is_real)]


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
