"""What the hook costs for a batch: the same loop with and without it, in turns."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import NamedTuple

from benchmarks.dataloader.play import environment
from benchmarks.material import say
from benchmarks.reporting import Goal, Row

GOAL_US = 20.0
REPEATS = 7
# Samples that cost nothing, so that what a batch takes is PyTorch and the hook. With workers, the wait of the healing
# is used too; the batches then travel through a pipe, and the differences scatter more.
LOOP = """
import sys, time
from torch.utils.data import DataLoader
workers, batches = int(sys.argv[1]), int(sys.argv[2])
loader = DataLoader(range(batches), batch_size=None, num_workers=workers)
if not workers:
    for _ in zip(range(1000), loader): pass
iterator = iter(loader)
next(iterator)
wall, used = time.perf_counter(), time.thread_time()
for _ in iterator: pass
print((time.perf_counter() - wall) / (batches - 1) * 1e6, (time.thread_time() - used) / (batches - 1) * 1e6)
"""
LOOPS = ((0, 20000), (1, 10000))  # workers, batches


class Cost(NamedTuple):
    """Microseconds a batch of one loop, with and without the hook, of each repeat."""

    workers: int
    off_us: tuple[float, ...]
    on_us: tuple[float, ...]
    work_us: tuple[float, ...]  # of the thread that iterates, with the hook minus without it: no wait counts

    @property
    def added_us(self) -> float:
        """Median of the differences of the pairs."""
        return statistics.median(on - off for on, off in zip(self.on_us, self.off_us, strict=True))


def measure(executable: str = sys.executable, repeats: int = REPEATS) -> list[Cost]:
    """Measure every loop. ``executable``: the Python that trains."""
    found = []
    for workers, batches in LOOPS:
        pairs = []
        with tempfile.TemporaryDirectory() as scratch:
            for number in range(repeats):
                # Which of the two comes first changes, so that a drift of the clock rate counts for neither.
                first, second = (None, scratch) if number % 2 else (scratch, None)
                pair = {each is not None: _run(executable, workers, batches, each) for each in (first, second)}
                pairs.append(pair)
                added_us = pair[True][0] - pair[False][0]
                say(f"cost, {workers} workers, {number + 1} of {repeats}: {added_us:+.1f} us a batch")
        found.append(
            Cost(
                workers,
                tuple(pair[False][0] for pair in pairs),
                tuple(pair[True][0] for pair in pairs),
                tuple(pair[True][1] - pair[False][1] for pair in pairs),
            )
        )
    return found


def _run(executable: str, workers: int, batches: int, scratch: str | None) -> tuple[float, float]:
    done = subprocess.run(
        [executable, "-c", LOOP, str(workers), str(batches)], env=environment(scratch), capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    wall, used = done.stdout.split()
    return float(wall), float(used)


def rows(costs: Sequence[Cost]) -> list[Row]:
    """Return one row a loop."""
    return [
        {
            "loop": "without workers" if cost.workers == 0 else f"{cost.workers} worker",
            "us a batch": statistics.median(cost.off_us),
            "with hook": statistics.median(cost.on_us),
            "added": cost.added_us,
            "least": min(on - off for on, off in zip(cost.on_us, cost.off_us, strict=True)),
            "most": max(on - off for on, off in zip(cost.on_us, cost.off_us, strict=True)),
            "added work": statistics.median(cost.work_us),
            "repeats": len(cost.on_us),
        }
        for cost in costs
    ]


def goals(costs: Sequence[Cost]) -> list[Goal]:
    """Return one goal a loop."""
    return [
        Goal(
            f"cost of a batch, {cost.workers} workers, us", GOAL_US, cost.added_us, cost.added_us <= GOAL_US
        )
        for cost in costs
    ]  # fmt: skip
