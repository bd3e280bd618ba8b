"""Repeat a call for some time, and turn the times into a rate with an interval."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from holter.bench.records import Rate
from holter.trainer.auto.race import speed_of

BLOCKS = 20  # an interval of more blocks would not be narrower


def repeat(do: Callable[[], object], *, for_s: float, least: int) -> list[float]:
    """Return the seconds of each call; as many as fit into ``for_s``, but at least ``least``."""
    times: list[float] = []
    began_s = now_s = time.perf_counter()
    while len(times) < least or now_s - began_s < for_s:
        do()
        before_s, now_s = now_s, time.perf_counter()
        times.append(now_s - before_s)
    return times


def rate_of(times: Sequence[float], samples: float, *, block: int = 1) -> Rate:
    """Return samples per second.

    ``times``: seconds of each call; ``samples``: how many samples a call returns. ``block``: this many calls in a row
    depend on each other, and count as one measurement for the limits of the rate.
    Raises:  ValueError if ``times`` is empty.
    """
    if not times:
        raise ValueError("nothing was measured")
    size = max(block, -(-len(times) // BLOCKS))
    blocks = [sum(times[at : at + size]) for at in range(0, len(times) - size + 1, size)]
    mean = len(times) / max(sum(times), 1e-9)
    speed = speed_of(blocks, size, sum(blocks))
    if not 0 < speed.low <= speed.high < float("inf"):
        return Rate(per_s=mean * samples)
    return Rate(
        per_s=mean * samples,
        low=mean * samples * speed.low / speed.batches_per_s,
        high=mean * samples * speed.high / speed.batches_per_s,
    )
