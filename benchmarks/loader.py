"""The cost of the data loader, its speed on two cores, and whether it ever delays the training loop.

nnU-Net's pipeline and ours read the same cases on the same two cores, in turns, several rounds each; a goal is judged
by the median round. Rows that need Holter's transforms (they decide which part of a patch must be read) are left
open if these are missing. No GPU is needed: "loader" rows end where a GPU would start to copy.
"""

from __future__ import annotations

import math
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.loader_scene import (
    CORES,
    Geometry,
    OnlyRead,
    Rate,
    chain_of,
    geometry_of,
    ours,
    pin,
    rate_of,
    stock,
    stock_loader,
    write_cases,
)
from benchmarks.material import say
from benchmarks.reporting import Goal, Row, conclude, options_of
from holter.loader.plan.planner import Generators

PATCH = (128, 128, 128)
LABELS = 4
CPU_GOAL_MS = 15.0
RATE_GOAL = 60.0
FASTER_GOAL = 7.0
PIPELINE_GOAL = 2.5
HEARTBEAT_GOAL_MS = 5.0
WAIT_GOAL_MS = 1.0
LOAD = 0.8
LABELS_GOAL = 1.2
MANY_LABELS = (16, 40)
SAMPLES = 160  # enough that both pipelines have rotated and plain samples
BEAT_S = 0.0005
# Read volume: patch size, and the largest share of its voxels that may be read.
VOLUMES = {
    "cubic": (1.45, ((128, 128, 128), (64, 64, 64), (160, 160, 160))),
    "other 3D": (1.55, ((112, 160, 128), (80, 192, 160), (64, 192, 192))),
    "dummy-2D and 2D": (1.15, ((28, 256, 256), (16, 320, 320), (40, 224, 192), (512, 512), (256, 256))),
}


class Plan(NamedTuple):
    """Number of cases, rounds and repeats."""

    cases: int
    shape: tuple[int, ...]
    rounds: int
    seconds: float
    draws: int


FULL = Plan(4, (300, 512, 512), 5, 20.0, 60_000)
QUICK = Plan(2, (220, 300, 300), 2, 8.0, 4000)


def main() -> int:
    """Measure, print tables, write JSON if asked; return 1 if a goal was missed."""
    parser = options_of("loader", __doc__, quick="smaller cases and fewer rounds: five minutes in all")
    options = parser.parse_args()
    plan = QUICK if options.quick else FULL
    say(f"on cores {pin()}")
    rows, goals = read_volume(plan)
    with tempfile.TemporaryDirectory(prefix="holter-loader-") as folder:
        more_rows, more_goals = measure(plan, Path(folder))
    return conclude([*rows, *more_rows], [*goals, *more_goals], options.json)


def read_volume(plan: Plan) -> tuple[list[Row], list[Goal]]:
    """Count the voxels that are read, as a share of those in a patch; nothing is timed."""
    rows: list[Row] = []
    goals = []
    for kind, (goal, patches) in VOLUMES.items():
        ratios = [_read_ratio(geometry_of(patch), plan.draws) for patch in patches]
        for patch, ratio in zip(patches, ratios, strict=True):
            rows.append(row(f"voxels read, {'x'.join(map(str, patch))}", ratio, "x patch", kind))
        known = [ratio for ratio in ratios if ratio is not None]
        goals.append(at_most(f"voxels read, {kind} (x patch)", goal, max(known) if known else None))
    return rows, goals


def measure(plan: Plan, folder: Path) -> tuple[list[Row], list[Goal]]:
    """Measure everything that is timed."""
    geometry = geometry_of(PATCH)
    say("writing cases")
    dataset = write_cases(folder / "cases", plan.cases, plan.shape, LABELS, PATCH)
    rows, goals = throughput(plan, dataset, geometry)
    for part in (responsiveness(plan, dataset, geometry), many_labels(plan, folder, geometry)):
        rows += part[0]
        goals += part[1]
    return rows, goals


def throughput(plan: Plan, dataset: Any, geometry: Geometry) -> tuple[list[Row], list[Goal]]:
    """Measure nnU-Net's whole pipeline, its loader alone, ours alone, and our whole pipeline, in turns."""
    whole, bare = (stock_loader(dataset, geometry, LABELS, has_transforms=each) for each in (True, False))
    chain = chain_of(geometry, LABELS)
    by_name: dict[str, list[Rate]] = {"stock": [], "stock loader": [], "loader": [], "pipeline": []}
    for number in range(plan.rounds):
        for name, loader in (("stock", whole), ("stock loader", bare)):
            with stock(loader) as batches:
                by_name[name].append(rate_of(batches, plan.seconds, skipped=4 * CORES))
        for name, our_chain in (("loader", chain and OnlyRead(chain)), ("pipeline", chain)):
            if our_chain is not None:
                with ours(dataset, bare, our_chain) as batches:
                    by_name[name].append(rate_of(batches, plan.seconds, skipped=6))
        say(
            f"round {number + 1}/{plan.rounds}: "
            + ", ".join(f"{n} {r[-1].samples_per_s:.1f}/s" for n, r in by_name.items() if r)
        )
    rates = {name: _median([rate.samples_per_s for rate in rates]) for name, rates in by_name.items()}
    cpu = _median([rate.cpu_ms_per_sample for rate in by_name["loader"]])
    rows = [
        row("nnU-Net, 2 workers, with its transforms", rates["stock"], "samples/s", "what it must do without a GPU"),
        row("nnU-Net, 2 workers, without transforms", rates["stock loader"], "samples/s", "reads initial patches"),
        row("our loader, 2 threads", rates["loader"], "samples/s", "needed boxes in staging buffers"),
        row("our loader, CPU", cpu, "ms/sample", "the whole process"),
        row("our pipeline on the CPU, 2 threads", rates["pipeline"], "samples/s", "with transforms"),
        row("loader against nnU-Net's without transforms", _ratio(rates["loader"], rates["stock loader"]), "x", ""),
    ]
    return rows, [
        at_most("CPU of the loader (ms a sample)", CPU_GOAL_MS, cpu),
        at_least("samples a second, loader, 2 cores", RATE_GOAL, rates["loader"]),
        at_least("loader x nnU-Net's pipeline, 2 cores", FASTER_GOAL, _ratio(rates["loader"], rates["stock"])),
        at_least("CPU pipeline x nnU-Net's, 2 cores", PIPELINE_GOAL, _ratio(rates["pipeline"], rates["stock"])),
    ]


def responsiveness(plan: Plan, dataset: Any, geometry: Geometry) -> tuple[list[Row], list[Goal]]:
    """Measure late wake-ups of the main thread while readers read, and its waits for a batch at 80 % of the load."""
    chain = chain_of(geometry, LABELS)
    idle = _percentile(_beats(plan.seconds / 4), 99)
    if chain is None:
        late = waited = None
    else:
        like = stock_loader(dataset, geometry, LABELS, has_transforms=False)
        with ours(dataset, like, OnlyRead(chain)) as batches:
            late = _percentile(_beats_while_reading(batches, plan.seconds), 99)
            most = rate_of(batches, plan.seconds / 2, skipped=6).samples_per_s
            waited = _percentile(_waits(batches, 2 / (LOAD * most), plan.seconds), 95)
    rows = [
        row("main thread's heartbeat, idle, p99 late", idle, "ms", "this machine's own"),
        row("main thread's heartbeat while reading, p99 late", late, "ms", "two readers on two cores"),
        row("wait for a batch at 80 % load, p95", waited, "ms", "loader"),
    ]
    return rows, [
        at_most("heartbeat while reading, p99 late (ms)", HEARTBEAT_GOAL_MS, late),
        at_most("wait for a batch at 80 % load, p95 (ms)", WAIT_GOAL_MS, waited),
    ]


def many_labels(plan: Plan, folder: Path, geometry: Geometry) -> tuple[list[Row], list[Goal]]:
    """Measure CPU time of our whole pipeline with many labels against few: same volumes, same draws."""
    costs: dict[int, list[float]] = {labels: [] for labels in (2, *MANY_LABELS)}
    chains = {labels: chain_of(geometry, labels) for labels in costs}
    if chains[2] is not None:
        say("writing cases with other numbers of labels")
        sets = {labels: write_cases(folder / f"labels-{labels}", 1, QUICK.shape, labels, PATCH) for labels in costs}
        for _ in range(plan.rounds):
            for labels, dataset in sets.items():
                like = stock_loader(dataset, geometry, labels, has_transforms=False)
                like.oversample_foreground_percent = 0.0  # the same boxes for all
                with ours(dataset, like, chains[labels]) as batches:
                    costs[labels].append(rate_of(batches, math.inf, 0, SAMPLES).cpu_ms_per_sample)
    medians = {labels: _median(cost) for labels, cost in costs.items()}
    rows = [row(f"pipeline's CPU with {labels} labels", cost, "ms/sample", "") for labels, cost in medians.items()]
    ratios = [ratio for labels in MANY_LABELS if (ratio := _ratio(medians[labels], medians[2])) is not None]
    return rows, [at_most("16 to 40 labels (x the cost of 2)", LABELS_GOAL, max(ratios) if ratios else None)]


def at_most(name: str, goal: float, measured: float | None) -> Goal:
    """Return a goal with an upper limit."""
    return Goal(name, goal, _rounded(measured), None if measured is None else measured <= goal)


def at_least(name: str, goal: float, measured: float | None) -> Goal:
    """Return a goal with a lower limit; the table's heading says "at most", so the name says otherwise."""
    return Goal(f"at least: {name}", goal, _rounded(measured), None if measured is None else measured >= goal)


def row(name: str, value: float | None, unit: str, note: str) -> Row:
    """Return one row of the table."""
    return {"name": name, "value": _rounded(value), "unit": unit, "note": note}


def _read_ratio(geometry: Geometry, draws: int) -> float | None:
    chain = chain_of(geometry, LABELS)
    if chain is None:
        return None
    generators, patch, read = Generators(), float(np.prod(geometry.patch)), 0.0
    for step in range(draws):
        box = chain.needed_box(chain.draw(generators.at(1, 0, step, 0), 1))
        read += float(np.prod([high - low for low, high in zip(box.lower, box.upper, strict=True)]))
    return read / draws / patch


def _beats(seconds: float) -> list[float]:
    # By how many milliseconds the main thread woke late.
    late, end_s = [], time.perf_counter() + seconds
    while (began_s := time.perf_counter()) < end_s:
        time.sleep(BEAT_S)
        late.append((time.perf_counter() - began_s - BEAT_S) * 1000)
    return late


def _beats_while_reading(batches: Any, seconds: float) -> list[float]:
    # Another thread takes the batches, so that the readers never rest.
    done = threading.Event()

    def take() -> None:
        while not done.is_set():
            next(batches)

    taker = threading.Thread(target=take)
    taker.start()
    try:
        return _beats(seconds)
    finally:
        done.set()
        taker.join()


def _waits(batches: Any, step_s: float, seconds: float) -> list[float]:
    # Milliseconds in ``next`` of a training whose step uses no CPU.
    waits, end_s = [], time.perf_counter() + seconds
    while (began_s := time.perf_counter()) < end_s:
        next(batches)
        waits.append((time.perf_counter() - began_s) * 1000)
        time.sleep(max(0.0, began_s + step_s - time.perf_counter()))
    return waits


def _percentile(values: Sequence[float], percent: float) -> float:
    return float(np.percentile(values, percent))


def _median(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None


def _ratio(value: float | None, base: float | None) -> float | None:
    return None if value is None or base is None else value / base


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


if __name__ == "__main__":
    sys.exit(main())
