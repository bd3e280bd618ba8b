"""Epochs of a recording -> the page's table and two charts."""

from __future__ import annotations

from typing import Any

from holter.records import EpochEnded
from holter.reports.html.drawing import line, nice_top
from holter.reports.html.thinning import Points
from holter.reports.outcome.wall import clocks
from holter.sizes import format_number
from holter.tape import Recording


def epochs_model(recording: Recording) -> dict[str, Any]:
    """Return the values of the report's template about epochs: rows of the table, charts, first and last epoch.

    Without epochs the lists are empty, and first and last are 0.
    """
    ended = [event for tick in recording.ticks() for event in tick.events if isinstance(event, EpochEnded)]
    counted = {event.epoch: event for event in ended}  # the last one, if an epoch was trained twice
    rows = [
        {
            "epoch": event.epoch,
            "again": counted[event.epoch] is not event,
            "ended": clocks(recording.environment, event.t_s),
            "duration": "" if event.duration_s is None else f"{event.duration_s:.1f} s",
            "train_loss": _number(event.train_loss),
            "val_loss": _number(event.val_loss),
            "dice": " ".join(f"{value:.3f}" for value in event.pseudo_dice or ()),
        }
        for event in ended
    ]
    ended = [counted[number] for number in sorted(counted)]
    charts = [
        _epoch_chart("epoch-time", "unit.s", {"epoch-time": [(e.epoch, e.duration_s) for e in ended]}, 0.0),
        _epoch_chart(
            "loss",
            "",
            {
                "train-loss": [(e.epoch, e.train_loss) for e in ended],
                "val-loss": [(e.epoch, e.val_loss) for e in ended],
            },
            None,
        ),
    ]
    first, last = (ended[0].epoch, ended[-1].epoch) if ended else (0, 0)
    return {"rows": rows, "charts": [chart for chart in charts if chart["series"]], "first": first, "last": last}


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _epoch_chart(
    key: str, unit: str, named: dict[str, list[tuple[int, float | None]]], bottom: float | None
) -> dict[str, Any]:
    known = {
        name: [(float(epoch), value) for epoch, value in values if value is not None] for name, values in named.items()
    }
    known = {name: values for name, values in known.items() if len(values) > 1}
    all_values = [value for values in known.values() for _, value in values]
    low = min(all_values, default=0.0) if bottom is None else bottom
    high = max(all_values, default=1.0)
    low, high = (low, nice_top(high)) if bottom is not None else _padded(low, high)
    series = []
    for name, values in known.items():
        points = Points(tuple(x for x, _ in values), tuple(value for _, value in values))
        series.append({"key": name, "line": line(points, low, high)})
    return {
        "key": key,
        "unit": unit,
        "series": series,
        "ticks": [(format_number(low + part * (high - low)), round(100 - 100 * part, 1)) for part in (1.0, 0.5, 0.0)],
        "data": [{"t": [x for x, _ in values], "v": [value for _, value in values]} for values in known.values()],
    }


def _padded(low: float, high: float) -> tuple[float, float]:
    margin = 0.08 * ((high - low) or 1.0)
    return low - margin, high + margin
