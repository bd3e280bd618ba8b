"""Epochs of a recording -> the page's table and two charts."""

from __future__ import annotations

from typing import Any

from holter.records import EpochEnded
from holter.reports.html.drawing import line, nice_top, rounded
from holter.reports.html.thinning import Points
from holter.reports.outcome.wall import clocks
from holter.sizes import format_number
from holter.tape import Recording

# More points than a chart has columns only make the file larger: of more epochs, each stretch has its extremes.
MOST_POINTS = 1000
Series = dict[str, list[tuple[int, float]]]


def epochs_model(recording: Recording) -> dict[str, Any]:
    """Return the values of the report's template about epochs: rows of the table, charts, first and last epoch.

    ``count``: how many rows there are, also where a page shows only the last of them.

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
    shown = [chart for chart in charts if chart["series"]]
    return {"rows": rows, "count": len(rows), "charts": shown, "first": first, "last": last}


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _epoch_chart(
    key: str, unit: str, named: dict[str, list[tuple[int, float | None]]], bottom: float | None
) -> dict[str, Any]:
    known = {name: [(epoch, value) for epoch, value in values if value is not None] for name, values in named.items()}
    known = _thinned({name: values for name, values in known.items() if len(values) > 1})
    all_values = [value for values in known.values() for _, value in values]
    low = min(all_values, default=0.0) if bottom is None else bottom
    high = max(all_values, default=1.0)
    low, high = (low, nice_top(high)) if bottom is not None else _padded(low, high)
    series = []
    for name, values in known.items():
        points = Points(tuple(float(epoch) for epoch, _ in values), tuple(value for _, value in values))
        series.append({"key": name, "line": line(points, low, high)})
    return {
        "key": key,
        "unit": unit,
        "series": series,
        "ticks": [(format_number(low + part * (high - low)), round(100 - 100 * part, 1)) for part in (1.0, 0.5, 0.0)],
        "data": _at_the_pointer(known),
    }


def _at_the_pointer(known: Series) -> list[dict[str, list[Any]]]:
    # The pointer reads all series of a chart at one place: each has the same epochs, None where it has no value.
    epochs = sorted({epoch for values in known.values() for epoch, _ in values})
    return [
        {"t": epochs, "v": [rounded(by_epoch[epoch]) if epoch in by_epoch else None for epoch in epochs]}
        for by_epoch in map(dict, known.values())
    ]


def _thinned(known: Series) -> Series:
    # A slow epoch stays: of each stretch the epochs with the lowest and the highest value of each series are kept.
    longest = max((len(values) for values in known.values()), default=0)
    if longest <= MOST_POINTS:
        return known
    stretch = -(-longest * 2 * len(known) // MOST_POINTS)
    kept: set[int] = set()
    for values in known.values():
        kept |= {values[0][0], values[-1][0]}
        for begin in range(0, len(values), stretch):
            part = values[begin : begin + stretch]
            kept |= {pick(part, key=lambda point: point[1])[0] for pick in (min, max)}
    return {name: [point for point in values if point[0] in kept] for name, values in known.items()}


def _padded(low: float, high: float) -> tuple[float, float]:
    margin = 0.08 * ((high - low) or 1.0)
    return low - margin, high + margin
