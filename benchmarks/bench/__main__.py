"""The epoch that ``holter bench`` predicts, against real trainings with an imitated step: ``-m benchmarks.bench``.

In each scene both loaders train for some epochs in real processes (``nnUNetv2_train`` with another trainer class), and
the command predicts the same epoch before that. No GPU is needed; alone on the machine, please.
"""

from __future__ import annotations

import re
import statistics
import sys
from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from benchmarks.bench.scenes import (
    CONFIGURATION,
    EPOCHS,
    PLANS,
    STEPS,
    TRAINER,
    Scene,
    made_scenes,
    options_of_scenes,
    report_of,
    started,
)
from benchmarks.loader import at_least, at_most, row
from benchmarks.reporting import Goal, Row, conclude
from holter.demo.prepare import DATASET_NAME

OFF_GOAL = 0.05  # of the real epoch, with Holter's loader
BEGINS = re.compile(r"^(\S+ \S+): Epoch \d+ *$", re.MULTILINE)


class Plan(NamedTuple):
    """Epochs of a real training, steps of an epoch, and seconds of the command's measurements."""

    epochs: int
    steps: int
    seconds: float


FULL, QUICK = Plan(6, 250, 120.0), Plan(4, 40, 30.0)


def main() -> int:
    """Measure, print tables, write JSON if asked; return 1 if a goal was missed."""
    options = options_of_scenes("bench", __doc__, quick="five scenes, shorter epochs and measurements").parse_args()
    plan = QUICK if options.quick else FULL
    rows: list[Row] = []
    goals: list[Goal] = []
    for scene, variables in made_scenes(options.only, quick=options.quick):
        environment = {**variables, EPOCHS: str(plan.epochs), STEPS: str(plan.steps)}
        more = compare(scene, plan, environment, anyway=options.anyway)
        rows += more[0]
        goals += more[1]
    return conclude(rows, goals, options.json)


def compare(scene: Scene, plan: Plan, environment: Mapping[str, str], *, anyway: bool) -> tuple[list[Row], list[Goal]]:
    """Predict, train, and compare. Whether the network is the limit is seen in the real epochs, not known before."""
    predicted = report_of("bench", scene, plan.seconds, environment, anyway=anyway)
    rows: list[Row] = []
    goals: list[Goal] = []
    for forecast in predicted["forecasts"]:
        loader, epoch_s, limit = forecast["loader"], forecast["epoch_s"], forecast["limit"]
        real = epochs(scene, loader, environment)[1:]  # the first one starts the workers
        middle = statistics.median(real)
        name = f"{scene.name}, {loader}"
        rows += [
            row(f"{name}: predicted", epoch_s, "s/epoch", f"limited by {limit}"),
            row(f"{name}: real", middle, "s/epoch", f"{min(real):.1f} to {max(real):.1f} in {len(real)} epochs"),
        ]
        off = abs(epoch_s - middle) / middle
        if loader == "holter":
            goals.append(at_most(f"{name}: off the real epoch", OFF_GOAL, None if anyway else off))
        else:
            within = min(real) * (1 - OFF_GOAL) <= epoch_s <= max(real) * (1 + OFF_GOAL)
            goals.append(at_least(f"{name}: inside the real epochs", 1, None if anyway else float(within)))
        right = limit in scene.limits(loader, middle - (predicted["measured"]["epoch_end_s"] or 0.0), plan.steps)
        goals.append(at_least(f"{name}: limit is right", 1, None if anyway else float(right)))
    return rows, goals


def epochs(scene: Scene, loader: str, environment: Mapping[str, str]) -> list[float]:
    """Train with a loader; return the seconds from each epoch's beginning to the next one's, in nnU-Net's log.

    Its own "Epoch time" leaves out the end of an epoch, with the plot of the progress.
    """
    results = Path(environment["nnUNet_results"]) / loader
    results.mkdir()
    words = ["holter.trainer.entry", DATASET_NAME, CONFIGURATION, "0", "-p", PLANS, "-tr", TRAINER]
    words += ["-device", "cpu", "--loader", loader]
    started(scene, ["-m", *words], {**environment, "nnUNet_results": str(results)})
    log = "".join(file.read_text() for file in results.rglob("training_log_*.txt"))
    began = [datetime.fromisoformat(text) for text in BEGINS.findall(log)]
    return [(after - before).total_seconds() for before, after in pairwise(began)]


if __name__ == "__main__":
    sys.exit(main())
