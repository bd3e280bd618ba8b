"""The shape of a series of epoch times: flat, step, drift, regular or irregular spikes. Pure arithmetic on medians.

A few odd epochs (a closed laptop lid, a backup) change nothing: steps and drifts are searched in the running median,
and costs are sums of absolute deviations.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import Literal, NamedTuple

Shape = Literal["flat", "step-up", "step-down", "drift-up", "decreasing", "periodic", "heavy-tail", "first-only"]

# Fewer epochs have no shape: the first and two others agree by chance.
ENOUGH = 4
# The first epoch includes cudnn.benchmark, torch.compile and a cold page cache; from 1.5 times the others on it counts
# as slow.
FIRST_TIMES = 1.5
# Healthy runs vary by up to a fifth: a shared file server or a warm room does that.
STEP_TIMES = 1.2
# Each side of a step or drift needs this many epochs, so that two odd ones in a row make no step.
SIDE = 3
# The step must exceed the scatter on both sides by three sigma and explain this share of all deviation.
STEP_SIGMAS, EXPLAINED = 3.0, 0.4
# At the end of a log one or two epochs suffice if they took this many times as long: nobody waits for a third one of
# seven hours.
LAST_TIMES = 5.0
# A drift needs this many epochs and must explain nearly as much as a step.
DRIFT_EPOCHS = 8
# An epoch of 1.5 times the median is slow; this many, and this share of all, are a heavy tail and no chance.
SLOW_TIMES, SLOW_EPOCHS, SLOW_PART = 1.5, 3, 0.05
# If the middle half of all epochs spreads over this share of the median, it is no tail: all of it is uneven.
SCATTER = 0.4
# Slow epochs are periodic if this many distances between them agree; short distances agree by chance more often.
PERIODS, SHORT_PERIOD, SHORT_PERIODS, ALIKE_PART = 3, 5, 6, 0.8
# Timers, file systems and other work on the machine change any epoch time by this share.
JITTER = 0.02
# Slopes between all pairs of this many points give a robust line; the time needed grows with the square.
POINTS = 120
SIGMA_OF_MAD = 1.4826


class Series(NamedTuple):
    """The shape of a series of epoch times, with its numbers."""

    shape: Shape
    usual_s: float
    recent_s: float | None = None  # after the change; for recurring slow epochs, their time; None if flat
    change: int | None = None  # index of the first epoch after the change
    first_times: float = 1.0  # the first epoch over the median of the others
    slow: tuple[int, ...] = ()  # indices of single slow epochs, if the shape depends on them
    period: int | None = None  # distance between slow epochs, in epochs

    @property
    def times(self) -> float | None:
        """Epoch time after the change divided by that before it; None without a change."""
        return None if self.recent_s is None or self.usual_s <= 0 else self.recent_s / self.usual_s


def analyse(times: Sequence[float]) -> Series | None:
    """Return the shape of these epoch times, in seconds; None if they are too few."""
    if len(times) < ENOUGH:
        return None
    first_times = times[0] / max(median(times[1:]), 1e-9)
    is_first_slow = first_times >= FIRST_TIMES and times[0] >= FIRST_TIMES * median(times[1:4])
    skipped = 1 if is_first_slow else 0
    series = _body(times[skipped:])
    if is_first_slow and series.shape == "flat":
        return Series("first-only", series.usual_s, first_times=first_times)
    return series._replace(
        first_times=first_times,
        change=None if series.change is None else series.change + skipped,
        slow=tuple(index + skipped for index in series.slow),
    )


def _body(times: Sequence[float]) -> Series:
    usual = median(times)
    last = _slow_end(times)
    if last is not None:
        return last
    slow = tuple(index for index, value in enumerate(times) if value >= SLOW_TIMES * usual)
    smooth = running_median(times)
    sustained = _step_or_drift(times, smooth)
    if sustained is not None:
        return sustained
    recurring = _come_and_go(times, usual, slow)
    if recurring is not None:
        return recurring
    ordered = sorted(times)
    low, high = ordered[len(times) // 4], ordered[(3 * len(times)) // 4]
    if len(times) >= 2 * ENOUGH and high - low >= SCATTER * usual:
        upper = tuple(index for index, value in enumerate(times) if value >= (low + high) / 2)
        period = _period(upper)
        return Series("periodic" if period else "heavy-tail", usual, high, slow=upper, period=period)
    return Series("flat", usual)


# Single slow epochs: at equal distances (periodic), or repeated without a period (heavy tail).
def _come_and_go(times: Sequence[float], usual: float, slow: tuple[int, ...]) -> Series | None:
    if not slow:
        return None
    recent, period = median([times[index] for index in slow]), _period(slow)
    if period is not None:
        return Series("periodic", usual, recent, slow=slow, period=period)
    if len(slow) >= SLOW_EPOCHS and len(slow) >= SLOW_PART * len(times):
        return Series("heavy-tail", usual, recent, slow=slow)
    return None


# One or two epochs at the end that took many times as long as every epoch before.
def _slow_end(times: Sequence[float]) -> Series | None:
    for count in (1, 2):
        before, after = times[:-count], times[-count:]
        if len(before) >= SIDE and min(after) >= LAST_TIMES * median(before) and min(after) > max(before) * STEP_TIMES:
            return Series("step-up", median(before), median(after), change=len(before))
    return None


# A lasting change: a step or a line, whichever leaves the smaller cost.
def _step_or_drift(times: Sequence[float], smooth: Sequence[float]) -> Series | None:
    if len(smooth) < 2 * SIDE:
        return None
    flat_cost = _costs(smooth)[-1]
    split, step_cost = _best_split(smooth)
    slope, start = _line(smooth)
    line_cost = sum(abs(value - start - slope * index) for index, value in enumerate(smooth))
    if flat_cost <= 0:
        return None
    if line_cost < step_cost and len(smooth) >= DRIFT_EPOCHS and line_cost <= (1 - EXPLAINED) * flat_cost:
        drift = _drift(times, slope, start, line_cost / len(smooth))
        if drift is not None:
            return drift
    if step_cost > (1 - EXPLAINED) * flat_cost:
        return None
    before, after = median(smooth[:split]), median(smooth[split:])
    residuals = [abs(value - (before if index < split else after)) for index, value in enumerate(times)]
    scatter = max(SIGMA_OF_MAD * median(residuals), JITTER * min(before, after))
    if max(before, after) < STEP_TIMES * min(before, after) or abs(after - before) < STEP_SIGMAS * scatter:
        return None
    return Series(
        "step-up" if after > before else "step-down", median(times[:split]), median(times[split:]), change=split
    )


def _drift(times: Sequence[float], slope: float, start: float, mean_residual: float) -> Series | None:
    end = start + slope * (len(times) - 1)
    low, high = min(start, end), max(start, end)
    if low <= 0 or high < STEP_TIMES * low or high - low < STEP_SIGMAS * max(mean_residual, JITTER * low):
        return None
    quarter = max(SIDE, len(times) // 4)
    shape: Shape = "drift-up" if slope > 0 else "decreasing"
    return Series(shape, median(times[:quarter]), median(times[-quarter:]))


def running_median(times: Sequence[float]) -> list[float]:
    """Return the series without single and double spikes; edges of steps stay.

    Near both ends the outermost full window is used.
    """
    width = 5 if len(times) >= 10 else 3
    last = max(0, len(times) - width)
    begins = (min(max(0, index - width // 2), last) for index in range(len(times)))
    return [float(median(times[begin : begin + width])) for begin in begins]


# For each prefix of the series: the sum of absolute deviations from its median.
def _costs(times: Sequence[float]) -> list[float]:
    ordered: list[float] = []
    costs: list[float] = []
    total = low_sum = 0.0
    for value in times:
        half = len(ordered) // 2
        below = bool(half) and value < ordered[half - 1]
        insort(ordered, value)
        total += value
        low_sum += value if below else 0.0
        new_half = len(ordered) // 2
        if below:
            # The lower half got the value; move its largest one up if it has one too many now.
            low_sum -= ordered[new_half] if half + 1 > new_half else 0.0
        elif new_half > half:
            low_sum += ordered[new_half - 1]
        middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
        high_sum = total - low_sum
        costs.append(max(0.0, high_sum - low_sum - middle * (len(ordered) - 2 * new_half)))
    return costs


# The split with the smallest sum of absolute deviations from the two medians, and that sum.
def _best_split(times: Sequence[float]) -> tuple[int, float]:
    left = _costs(times)
    right = _costs(times[::-1])
    places = range(SIDE, len(times) - SIDE + 1)
    best = min(places, key=lambda place: left[place - 1] + right[len(times) - place - 1])
    return best, left[best - 1] + right[len(times) - best - 1]


# Slope and start of the Theil-Sen line, on at most ``POINTS`` points.
def _line(times: Sequence[float]) -> tuple[float, float]:
    step = max(1, len(times) // POINTS)
    points = [(index, times[index]) for index in range(0, len(times), step)]
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for place, a in enumerate(points) for b in points[place + 1 :]]
    slope = median(slopes)
    return slope, median([value - slope * index for index, value in points])


# The distance between slow epochs, if enough distances agree.
def _period(slow: Sequence[int]) -> int | None:
    starts = [index for place, index in enumerate(slow) if place == 0 or index > slow[place - 1] + 1]
    gaps = [b - a for a, b in pairwise(starts)]
    if len(gaps) < PERIODS:
        return None
    usual = round(median(gaps))
    slack = 0 if usual < SHORT_PERIOD else max(1, usual // 20)
    alike = sum(abs(gap - usual) <= slack for gap in gaps)
    enough = SHORT_PERIODS if usual < SHORT_PERIOD else PERIODS
    return usual if alike >= enough and alike >= ALIKE_PART * len(gaps) else None
