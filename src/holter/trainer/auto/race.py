"""How fast a loader gives batches, and by how much one is faster than another."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from statistics import fmean, stdev
from typing import Any, NamedTuple

# Two-sided 95 % of Student's t for 1, 2, 3, … degrees of freedom.
T95 = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23)
T95_MORE = 2.0
LEAST_BLOCKS = 3


class Speed(NamedTuple):
    """Batches per second of one loader: the mean, and a 95 % interval (0 and infinity: too few to say)."""

    batches_per_s: float
    low: float
    high: float


def measure(
    batches: Iterator[Any], *, ahead: int, block: int, for_s: float, clock: Callable[[], float] = time.monotonic
) -> Speed:
    """Take batches for a while, as fast as they come.

    ``ahead``: batches that may have been made before, which are not counted. ``block``: batches that may come at once,
    one from each worker; the scatter is that of whole blocks.
    """
    until_s = clock() + for_s
    for _ in range(ahead):
        next(batches)
        if clock() >= until_s:
            return Speed(0.0, 0.0, math.inf)
    times: list[float] = []
    began_s = clock()
    while (now_s := clock()) < until_s:
        for _ in range(block):
            next(batches)
        times.append(clock() - now_s)
    return speed_of(times, block, clock() - began_s)


def speed_of(times: Sequence[float], block: int, whole_s: float) -> Speed:
    """Return the speed in batches per second, from the seconds that each block took.

    ``block``: batches in a block. ``whole_s``: the time of the whole measurement; 0: nothing was measured.
    """
    if not times or whole_s <= 0:
        return Speed(0.0, 0.0, math.inf)
    mean = fmean(times)
    rate = block / max(mean, 1e-9)
    if len(times) < LEAST_BLOCKS:
        return Speed(rate, 0.0, math.inf)
    freedom = len(times) - 1
    t = T95[freedom - 1] if freedom <= len(T95) else T95_MORE
    error = t * stdev(times) / math.sqrt(len(times))
    return Speed(rate, block / (mean + error), block / (mean - error) if mean > error else math.inf)


def at_least(fast: Speed, slow: Speed) -> float:
    """Return how many times as fast ``fast`` is at least: its lower bound over the other's upper bound."""
    return fast.low / slow.high if slow.high > 0 else 0.0
