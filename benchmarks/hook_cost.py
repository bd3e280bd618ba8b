"""The cost of the hook for a training: per step, and at the start of every Python process.

A step is batchgenerators' real ``__next__`` on a queue that is already full, followed by a trainer's ``train_step``
that does nothing. So the time by which the wrapped functions are slower than the bare ones is the hook's. Wrapped and
bare steps take turns within one process. They are timed warm, after reading more memory than a core's own caches
hold, and after reading enough to empty all caches. The last is an upper bound that depends on the machine's memory as
much as on the hook: compare it with the time of the bare step. Interpreters start in turns with and without the hook.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

INJECT = Path(__file__).parents[1] / "src" / "holter" / "hook" / "inject"
STEP_GOAL_US = 20.0  # a step of the smallest nnU-Net configurations takes some 50 ms
START_GOAL_MS = 5.0  # paid once by every Python child, of which a training has some dozens

# Replaces nnU-Net's module of this name: the hook wraps the same methods, and nothing else takes time.
TRAINER = """
class nnUNetTrainer:
    def __init__(self): self.network = None
    def on_train_epoch_start(self): self.current_epoch = 0
    def train_step(self, batch): return batch
"""
STEPS = """
import statistics, sys, time
from queue import Queue
from threading import Event
import numpy as np
from batchgenerators.dataloading.nondet_multi_threaded_augmenter import NonDetMultiThreadedAugmenter
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

steps, swept = int(sys.argv[1]), np.ones(int(sys.argv[2]), np.uint8)
augmenter = NonDetMultiThreadedAugmenter(iter(()), None, 1, 6)
augmenter.results_loop_queue, augmenter.abort_event, augmenter.initialized = Queue(), Event(), True
for _ in range(steps):
    augmenter.results_loop_queue.put({})
trainer = nnUNetTrainer()
trainer.on_train_epoch_start()
next_batch, step = NonDetMultiThreadedAugmenter.__next__, nnUNetTrainer.train_step
kinds = ((next_batch.__wrapped__, step.__wrapped__), (next_batch, step))
times = ([], [])
for number in range(steps):
    take, work = kinds[number % 2]
    swept += 1
    began = time.perf_counter_ns()
    work(trainer, take(augmenter))
    times[number % 2].append(time.perf_counter_ns() - began)
augmenter.initialized = False
print(*(statistics.median(of_kind) / 1000 for of_kind in times))
"""
# Bytes read between two steps, and number of timed steps of that kind.
SWEEPS = {"warm": (1, 20_000), "own caches cold": (4 << 20, 2_000), "all caches cold": (64 << 20, 400)}


def main() -> int:
    """Measure, print a table, write JSON if asked; return 1 if a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repeats")
    parser.add_argument("--json", type=Path, help="write results and goals to this file")
    options = parser.parse_args()
    report = measure(repeats=3 if options.quick else 11)
    print_table(report)
    if options.json is not None:
        options.json.write_text(json.dumps(report, indent=2) + "\n")
    return 0 if all(goal["met"] for goal in report["goals"]) else 1


def measure(repeats: int) -> dict[str, list[dict[str, object]]]:
    """Run everything and compare the medians."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make_stand_in(root)
        results = [compare(f"step, {name} (us)", *steps(root, *sweep, repeats)) for name, sweep in SWEEPS.items()]
        results.append(compare("start of an interpreter, CPU (ms)", *starts(root, repeats * 10)))
    step = max(result.added for result in results[:2])  # the last is a bound, and mostly the machine's memory
    start = results[-1].added
    goals: list[dict[str, object]] = [
        {
            "name": "hook cost per training step (us)",
            "goal": STEP_GOAL_US,
            "measured": step,
            "met": step < STEP_GOAL_US,
        },
        {"name": "hook cost at start (ms)", "goal": START_GOAL_MS, "measured": start, "met": start < START_GOAL_MS},
    ]
    return {"results": [result._asdict() for result in results], "goals": goals}


class Compared(NamedTuple):
    """Medians without and with the hook."""

    name: str
    without: float
    with_hook: float
    added: float
    repeats: int


def compare(name: str, without: list[float], with_hook: list[float]) -> Compared:
    """Return the medians, and the median of the pairs' differences."""
    added = statistics.median(after - before for before, after in zip(without, with_hook, strict=True))
    medians = statistics.median(without), statistics.median(with_hook)
    return Compared(name, round(medians[0], 3), round(medians[1], 3), round(added, 3), len(without))


def make_stand_in(root: Path) -> None:
    """Write the stand-in for nnU-Net, and the scratch folder."""
    package = root / "nnunetv2" / "training" / "nnUNetTrainer"
    package.mkdir(parents=True)
    for folder in (package, package.parent, package.parent.parent):
        (folder / "__init__.py").touch()
    (package / "nnUNetTrainer.py").write_text(TRAINER)
    (root / "scratch").mkdir()


def environment(root: Path, *, hook: bool) -> dict[str, str]:
    """Return the environment that ``holter run`` sets, or the same without the hook."""
    path = [str(INJECT), str(root)] if hook else [str(root)]
    settings = {"PYTHONPATH": os.pathsep.join(path), "OMP_NUM_THREADS": "1"}
    if hook:
        settings |= {"HOLTER_SCRATCH": str(root / "scratch"), "HOLTER_GENERATION": "0"}
    return {**os.environ, **settings}


def steps(root: Path, swept_bytes: int, count: int, repeats: int) -> tuple[list[float], list[float]]:
    """Time steps in several processes; return microseconds of the bare steps and of the wrapped ones."""
    without, with_hook = [], []
    for _ in range(repeats):
        done = subprocess.run(
            [sys.executable, "-c", STEPS, str(count), str(swept_bytes)],
            env=environment(root, hook=True), check=True, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        bare, wrapped = map(float, done.stdout.split())
        without.append(bare)
        with_hook.append(wrapped)
    return without, with_hook


def starts(root: Path, repeats: int) -> tuple[list[float], list[float]]:
    """Start interpreters that do nothing; return milliseconds of CPU time without and with the hook."""
    times: tuple[list[float], list[float]] = ([], [])
    for repeat in range(repeats + 1):  # the first ones fill caches and are not counted
        for hook in (False, True):
            settings = environment(root, hook=hook)
            pid = os.posix_spawn(sys.executable, [sys.executable, "-c", "pass"], settings)
            _, status, usage = os.wait4(pid, 0)
            if status != 0:
                raise RuntimeError(f"the interpreter ended with status {status}")
            if repeat > 0:
                times[hook].append((usage.ru_utime + usage.ru_stime) * 1000)
    return times


def print_table(report: dict[str, list[dict[str, object]]]) -> None:
    print(f"{'':36}{'without':>10}{'with':>10}{'added':>10}")
    for result in report["results"]:
        print(f"{result['name']:36}{result['without']:>10}{result['with_hook']:>10}{result['added']:>10}")
    for goal in report["goals"]:
        verdict = "met" if goal["met"] else "MISSED"
        print(f"{goal['name']}: {goal['measured']} (goal: under {goal['goal']}): {verdict}")


if __name__ == "__main__":
    sys.exit(main())
