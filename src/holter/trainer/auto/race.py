"""Measure how fast a loader gives batches, and compare two loaders."""

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
    """Batches per second of one loader: mean and 95 % interval; 0 to infinity if there are too few measurements."""

    batches_per_s: float
    low: float
    high: float


def measure(
    batches: Iterator[Any], *, ahead: int, block: int, for_s: float, clock: Callable[[], float] = time.monotonic
) -> Speed:
    """Take batches for ``for_s`` seconds, as fast as they come; return the speed.

    ``ahead``: the number of batches that may have been made before; they are not counted. ``block``: the number of
    batches that may come together, one from each worker; the interval is computed from whole blocks.
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
    error = half_width(times)
    return Speed(rate, block / (mean + error), block / (mean - error) if mean > error else math.inf)


def half_width(values: Sequence[float]) -> float:
    """Return half the width of the 95 % interval of the mean of at least two values."""
    freedom = len(values) - 1
    t = T95[freedom - 1] if freedom <= len(T95) else T95_MORE
    return t * stdev(values) / math.sqrt(len(values))


def at_least(fast: Speed, slow: Speed) -> float:
    """Return the least factor by which ``fast`` is faster: its lower bound divided by the upper bound of ``slow``."""
    return fast.low / slow.high if slow.high > 0 else 0.0
