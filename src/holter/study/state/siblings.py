"""Compare the folds of one configuration: estimate how long each will take, and find one that differs. Pure."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Sequence

import msgspec

from holter.records import Message
from holter.sentences import define
from holter.study.records import Cell

# Folds of one configuration have the same plans; noise between them stays far below.
SLOWER = 1.5
# A validation loss (Dice plus cross-entropy) that is this much higher than that of its siblings at a similar epoch.
HIGHER_LOSS = 0.2
# Losses are compared between folds whose epochs differ by less than this share.
SAME_EPOCH = 0.1
# Two siblings cannot tell which of them is odd.
LEAST_SIBLINGS = 2

ODD_SLOW = define("study.odd-slow", "epochs take {times:.1f} times as long as in the other folds")
ODD_LOSS = define("study.odd-loss", "validation loss {loss:.2f}; the other folds have {usual:.2f}")
ODD_NAN = define("study.odd-nan", "the validation loss is not a number")


def compared(cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """Return the trainings with the hours that each still needs, and how it differs from the other folds."""
    families: dict[tuple[str, str], list[Cell]] = defaultdict(list)
    for cell in cells:
        families[cell.job.family].append(cell)
    return tuple(_compared(cell, [other for other in families[cell.job.family] if other is not cell]) for cell in cells)


def _compared(cell: Cell, siblings: Sequence[Cell]) -> Cell:
    planned = cell.epochs_planned or next(filter(None, (other.epochs_planned for other in siblings)), None)
    times = [other.epoch_s for other in siblings if other.epoch_s is not None]
    epoch_s = cell.epoch_s or (statistics.median(times) if times else None)
    hours = 0.0 if cell.state == "done" else None
    if hours is None and planned is not None and epoch_s is not None:
        hours = max(0, planned - (cell.epochs_done or 0)) * epoch_s / 3600
    return msgspec.structs.replace(cell, epochs_planned=planned, hours=hours, odd=_odd(cell, siblings))


def _odd(cell: Cell, siblings: Sequence[Cell]) -> Message | None:
    if cell.loss is not None and not math.isfinite(cell.loss):
        return ODD_NAN()
    times = [other.epoch_s for other in siblings if other.epoch_s]
    if cell.epoch_s is not None and len(times) >= LEAST_SIBLINGS:
        ratio = cell.epoch_s / statistics.median(times)
        if ratio >= SLOWER:
            return ODD_SLOW(times=ratio)
    losses = [other.loss for other in siblings if other.loss is not None and _is_as_far(cell, other)]
    if cell.loss is not None and len(losses) >= LEAST_SIBLINGS and all(map(math.isfinite, losses)):
        usual = statistics.median(losses)
        if cell.loss - max(losses) >= HIGHER_LOSS:
            return ODD_LOSS(loss=cell.loss, usual=usual)
    return None


def _is_as_far(cell: Cell, other: Cell) -> bool:
    one, two = cell.epochs_done, other.epochs_done
    return one is not None and two is not None and abs(one - two) <= SAME_EPOCH * max(one, two)
