"""Compute how much faster one setting is than another, from blocks that were measured in turns. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean

from holter.bench.tuning.records import Interval
from holter.trainer.auto.race import LEAST_BLOCKS, half_width


def ratio_of(fast: Mapping[int, float], slow: Mapping[int, float]) -> Interval | None:
    """Return the ratio of two speeds, from the rounds in which both were measured; None if there is none.

    Both arguments map the number of a round to a speed. What slows down a whole round does not change the ratio.
    """
    logs = [math.log(fast[number] / slow[number]) for number in fast if number in slow]
    return None if not logs else _interval(logs)


def mean_of(speeds: Sequence[float]) -> float:
    """Return the geometric mean of speeds."""
    return math.exp(fmean(map(math.log, speeds)))


def _interval(logs: Sequence[float]) -> Interval:
    mean = fmean(logs)
    if len(logs) < LEAST_BLOCKS:
        return Interval(value=math.exp(mean))
    error = half_width(logs)
    if error > 1:  # scattered over more than a factor of seven
        return Interval(value=math.exp(mean))
    return Interval(value=math.exp(mean), low=math.exp(mean - error), high=math.exp(mean + error))
