"""Series and lanes -> SVG paths, and the values shown at the mouse pointer. No chart library: one small file is enough.

Paths are in units of data (x: seconds or epochs, y: 0 at the top to 100 at the bottom). The browser stretches them,
so zooming changes only the ``viewBox``.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

from holter.reports.html.lanes import STATES, Lane
from holter.reports.html.thinning import Points
from holter.reports.html.vitals import Chart

# A line is broken if readings are missing for longer than this many usual intervals ...
GAP_TIMES = 4.0
# ... and for at least this long: a single missed reading is no gap.
GAP_LEAST_S = 8.0
# Digits of numbers in paths and read-outs: more are not visible.
X_DIGITS, Y_DIGITS, VALUE_DIGITS = 2, 1, 4
# A line at the very top of its chart would not be visible.
HEADROOM = 1.04
# Segments of a lane in the pointer's table; later ones are only drawn.
MAX_SEGMENTS = 600


def nice_top(largest: float) -> float:
    """Return the end of an axis: 1, 2, 2.5 or 5 times a power of ten, not below the largest value."""
    if largest <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(largest))
    for factor in (1.0, 2.0, 2.5, 5.0, 10.0):
        if largest <= factor * power * (1 + 1e-9):
            return factor * power
    return 10.0 * power


def chart_model(chart: Chart) -> dict[str, Any]:
    """Return the values that the template draws for one chart and shows at the mouse pointer."""
    largest = max((max(series.points.high, default=0.0) for series in chart.series), default=0.0)
    top = chart.top or nice_top(largest * HEADROOM)
    return {
        "key": chart.key,
        "index": chart.index,
        "unit": chart.unit,
        "top": top,
        "ticks": [(_short(top * part), round(100 - 100 * part, 1)) for part in (1.0, 0.5, 0.0)],
        "series": [
            {
                "key": series.key,
                "limit": series.limit,
                "line": line(series.points, 0.0, top),
                "area": "" if series.limit else area(series.points, top),
            }
            for series in chart.series
        ],
        "data": [
            {
                "t": [round(t_s, X_DIGITS) for t_s in series.points.t_s],
                "v": [rounded(value) for value in series.points.mean],
                **({"scale": series.raw_scale, "unit": series.raw_unit} if series.raw_scale else {}),
            }
            for series in chart.series
        ],
    }


def line(points: Points, bottom: float, top: float) -> str:
    """Return the SVG path through the means of a series, broken where readings are missing.

    ``bottom`` and ``top``: the values at the lower and the upper end of the axis.
    """
    commands, last_s = [], None
    gap_s = _gap(points.t_s)
    for t_s, value in zip(points.t_s, points.mean, strict=True):
        move = last_s is None or t_s - last_s > gap_s
        commands.append(f"{'M' if move else 'L'}{_xy(t_s, value, bottom, top)}")
        last_s = t_s
    return "".join(commands)


def area(points: Points, top: float) -> str:
    """Return the SVG path of the band between lowest and highest values; empty if every point is a single reading.

    ``top``: the value at the upper end of the axis; the lower end is 0.
    """
    if all(low == high for low, high in zip(points.low, points.high, strict=True)):
        return ""
    gap_s = _gap(points.t_s)
    bands: list[str] = []
    start = 0
    for number in range(1, len(points.t_s) + 1):
        if number == len(points.t_s) or points.t_s[number] - points.t_s[number - 1] > gap_s:
            upper = [_xy(points.t_s[i], points.high[i], 0.0, top) for i in range(start, number)]
            lower = [_xy(points.t_s[i], points.low[i], 0.0, top) for i in range(number - 1, start - 1, -1)]
            if len(upper) > 1:
                bands.append("M" + "L".join((*upper, *lower)) + "Z")
            start = number
    return "".join(bands)


def lane_model(lane: Lane, cases: list[str]) -> dict[str, Any]:
    """Return what the template draws for one lane: an SVG path for each state, and the segments for the mouse pointer.

    A segment is [start, end, index of the state, index of the case or -1], with times in seconds, rounded to 0.1 s.
    ``cases``: the names of the cases of all lanes; new ones are appended.
    """
    paths: dict[str, list[str]] = {}
    data = []
    for segment in lane.segments:
        width_s = max(segment.end_s - segment.start_s, 0.01)
        path = f"M{_x(segment.start_s)} 0h{_x(width_s)}v10h-{_x(width_s)}z"
        if segment.state == "ended":  # a dashed line over the whole height: hatched at every zoom
            path = f"M{_x(segment.start_s)} 5h{_x(width_s)}"
        paths.setdefault(segment.state, []).append(path)
        if segment.case is not None and segment.case not in cases:
            cases.append(segment.case)
        case = -1 if segment.case is None else cases.index(segment.case)
        data.append([round(segment.start_s, 1), round(segment.end_s, 1), STATES.index(segment.state), case])
    return {
        "lane": lane,
        "paths": [(state, "".join(paths[state])) for state in STATES if state in paths],
        "data": data[:MAX_SEGMENTS],
    }


def rounded(value: float) -> float:
    """Return a value with as many digits as the pointer's table shows."""
    return float(f"{value:.{VALUE_DIGITS}g}")


def _gap(times: tuple[float, ...]) -> float:
    steps = sorted(later - sooner for sooner, later in pairwise(times))
    # The upper quartile: a series that is fine around episodes and coarse elsewhere has no gaps.
    usual = steps[(len(steps) - 1) * 3 // 4] if steps else 0.0
    return max(GAP_LEAST_S, GAP_TIMES * usual)


def _xy(t_s: float, value: float, bottom: float, top: float) -> str:
    y = 100 - 100 * (min(max(value, bottom), top) - bottom) / ((top - bottom) or 1)
    return f"{_x(t_s)} {round(y, Y_DIGITS):g}"


def _x(t_s: float) -> str:
    # Ten digits: "g" alone would drop the seconds of a long run.
    return f"{round(t_s, X_DIGITS):.10g}"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value.is_integer() else f"{value:g}"
