"""Columns of readings -> charts. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from holter.reports.html.drawing import nice_top
from holter.views.model.columns import Column
from holter.views.model.view import Chart

# A reading is shown for this long, until the next one: the GPU is read every other second, a mount less often.
HOLD_S = 6.0
# Values that are a share of something; the others are scaled to the largest one in the window.
SHARES = ("gpu", "gpu-memory", "cpu", "iowait", "steal", "memory", "group-memory", "swap", "shm", "wait")
# The smallest end of an axis of bytes a second: below it a disk is idle.
LEAST_TOP = 1 << 20


def charts_of(columns: list[Column | None], at: int, width_s: float) -> Iterator[Chart]:
    """Yield a chart for each value that was measured in these columns; None: a column without readings.

    ``at``: the index of the column whose value is shown as a number. ``width_s``: seconds of a column.
    """
    names = sorted({name for column in columns if column is not None for name in column.names()})
    for name in names:
        if name in ("iowait", "gpu-power"):
            continue
        reach = int(HOLD_S // width_s)
        last = max((number for number, column in enumerate(columns) if column is not None), default=-1) + 1
        values = _held([None if column is None else column.mean(name) for column in columns[:last]], reach)
        values += [None] * (len(columns) - last)
        top = 1.0
        if name.split(":")[0] not in SHARES:
            top = nice_top(max((value for value in values if value is not None), default=0.0))
            top = max(top, LEAST_TOP) if name in ("read", "write", "received", "sent") else top
        over: tuple[float | None, ...] = ()
        if name == "cpu":
            over = tuple(None if column is None else column.mean("iowait") for column in columns)
        yield Chart(
            name=name,
            cells=tuple(None if value is None else min(1.0, value / top) for value in values),
            top=top,
            now=_at(values, at),
            over=over,
        )


def _at(values: list[float | None], at: int) -> float | None:
    # The last value up to the time: the newest column may hold no reading yet.
    upto = values[: max(0, at + 1)]
    return next((value for value in reversed(upto[-3:]) if value is not None), None)


def _held(values: list[float | None], reach: int) -> list[float | None]:
    # A column narrower than the time between two readings shows the one before.
    held: list[float | None] = []
    age = 0
    last: float | None = None
    for value in values:
        age = 0 if value is not None else age + 1
        last = value if value is not None else last
        held.append(last if age <= reach else None)
    return held
