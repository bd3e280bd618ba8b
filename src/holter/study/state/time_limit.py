"""A training in a job with a time limit: how far this slot takes it, and how many more it needs. Pure."""

from __future__ import annotations

import math
from typing import NamedTuple

from holter.reports.outcome.wall import parsed
from holter.sentences import define
from holter.study.records import Cell

# The script of ``holter study run --slurm`` saves and ends so long before the limit.
SAVED_BEFORE_S = 900.0

# Epochs are counted as in nnU-Net's log, from 0: at "epoch 380", 380 are done.
SLOT_ENDS = define(
    "study.slot-ends",
    "this slot ends at about epoch {epoch}; {count} more slots are needed",
    one="this slot ends at about epoch {epoch}; {count} more slot is needed",
)


class AtLimit(NamedTuple):
    """What is done when the job ends, and how many more jobs of its length the rest takes."""

    epoch: int
    more: int


def at_limit(cell: Cell, now_s: float) -> AtLimit | None:
    """Return where the job of a running training will end; None if it ends after the last epoch, or is not known."""
    began, ends = parsed(cell.job_began), parsed(cell.job_ends)
    if cell.state != "running" or began is None or ends is None or not cell.epoch_s or cell.epochs_planned is None:
        return None
    done, usable_s = cell.epochs_done or 0, ends.timestamp() - SAVED_BEFORE_S - now_s
    epoch = done + max(0, int(usable_s / cell.epoch_s))
    if epoch >= cell.epochs_planned:
        return None
    slot_s = ends.timestamp() - SAVED_BEFORE_S - began.timestamp()
    each = max(1, int(slot_s / cell.epoch_s))
    return AtLimit(epoch, math.ceil((cell.epochs_planned - epoch) / each))
