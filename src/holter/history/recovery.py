"""Check after a heal whether losses and pseudo Dice continue their earlier trend. Pure.

The epochs before give a robust line (median of all slopes) and its spread (median absolute deviation). An epoch after
the heal that is further from the line than spread and curvature can explain is a jump, up or down.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from statistics import fmean, median
from typing import Literal, NamedTuple

from holter.history.actions import Action, merge_events
from holter.records import EpochEnded, Record
from holter.tape import Recording

# Epochs used for the trend: enough for a spread, few enough to be nearly straight.
EPOCHS_BEFORE = 10
FEWEST_BEFORE = 3
# A jump that is gone after this many epochs did no harm.
EPOCHS_AFTER = 3
# Healthy epochs are within three deviations of the line; with few points the line itself is uncertain.
TIMES_SPREAD = 5.0
# A median absolute deviation times this is a standard deviation, for normal noise.
SPREAD_OF_DEVIATION = 1.4826
# nnU-Net's losses and Dice are within 1 or 2 and change by this much between epochs without a reason.
SMALLEST_JUMP = 0.05
# Few points underestimate the spread: a line through three has hardly any deviation.
MORE_FOR_FEW = 4.0

HEALS = ("replace-workers", "restart")

MeasureName = Literal["train-loss", "val-loss", "pseudo-dice"]
RecoveryVerdict = Literal["on-trend", "jump", "too-early"]


class Measure(Record, frozen=True, kw_only=True):
    """One curve after a heal, compared with its trend before."""

    name: MeasureName
    expected: float  # by the trend, for the epoch that was compared
    seen: float
    tolerance: float
    jump: bool


class Recovery(Record, frozen=True, kw_only=True):
    """The result of the check for one heal."""

    t_s: float  # start of the heal
    action: str
    verdict: RecoveryVerdict
    epochs_before: int  # used for the trend
    epochs_after: int  # compared
    measures: tuple[Measure, ...] = ()


class _Point(NamedTuple):
    epoch: float
    value: float


def check(recording: Recording) -> tuple[Recovery, ...]:
    """Return one result for each successful heal, oldest first."""
    heals = [action for action in merge_events(recording) if action.action in HEALS and action.state == "done"]
    epochs = sorted(recording.events(EpochEnded), key=lambda event: event.t_s)
    ends_s = [*(heal.begun_s for heal in heals[1:]), float("inf")]
    return tuple(_checked(heal, epochs, until_s) for heal, until_s in zip(heals, ends_s, strict=False))


def _checked(heal: Action, epochs: list[EpochEnded], until_s: float) -> Recovery:
    after = [event for event in epochs if heal.begun_s < event.t_s <= until_s][:EPOCHS_AFTER]
    latest = {event.epoch: event for event in epochs if event.t_s <= heal.begun_s}
    # An epoch that was trained, lost and trained again counts once, with its last values.
    before = [latest[number] for number in sorted(latest)][-EPOCHS_BEFORE:]
    measures = tuple(
        measure
        for name in ("train-loss", "val-loss", "pseudo-dice")
        if (measure := _measured(name, _points(name, before), _points(name, after))) is not None
    )
    verdict: RecoveryVerdict = "on-trend" if measures else "too-early"
    if any(measure.jump for measure in measures):
        verdict = "jump"
    return Recovery(
        t_s=heal.begun_s,
        action=heal.action,
        verdict=verdict,
        epochs_before=len(before),
        epochs_after=len(after),
        measures=measures,
    )


# Compares the epoch after the heal with the median deviation: one odd epoch is noise.
def _measured(name: MeasureName, before: list[_Point], after: list[_Point]) -> Measure | None:
    if len(before) < FEWEST_BEFORE or not after:
        return None
    slope = median(
        (second.value - first.value) / (second.epoch - first.epoch) for first, second in combinations(before, 2)
    )
    level = median(point.value - slope * point.epoch for point in before)
    spread = SPREAD_OF_DEVIATION * median(abs(point.value - level - slope * point.epoch) for point in before)
    off = sorted(after, key=lambda point: point.value - level - slope * point.epoch)
    compared = off[(len(off) - 1) // 2]
    expected = level + slope * compared.epoch
    ahead = max(1.0, compared.epoch - before[-1].epoch)
    doubt = 1.0 + MORE_FOR_FEW / len(before)
    # Curves flatten: the end of a slope is no jump.
    tolerance = doubt * max(SMALLEST_JUMP, TIMES_SPREAD * spread) + abs(slope) * ahead
    return Measure(
        name=name,
        expected=expected,
        seen=compared.value,
        tolerance=tolerance,
        jump=abs(compared.value - expected) > tolerance,
    )


def _points(name: str, events: Iterable[EpochEnded]) -> list[_Point]:
    values = ((event.epoch, _value(name, event)) for event in events)
    return [_Point(float(epoch), value) for epoch, value in values if value is not None]


def _value(name: str, event: EpochEnded) -> float | None:
    if name == "pseudo-dice":
        return fmean(event.pseudo_dice) if event.pseudo_dice else None
    return event.train_loss if name == "train-loss" else event.val_loss
