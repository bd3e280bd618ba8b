"""Describe what a study would do: the commands in their order, what each needs, the hours. Pure."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence

from holter.records import Message
from holter.sentences import define
from holter.study.records import STATES, TO_DO, Cell

COUNTED = define(
    "study.counted",
    "{total} trainings: {done} done, {running} running, {unfinished} unfinished, {missing} missing, "
    "{broken} broken, {blocked} waiting",
    one="{total} training: {done} done, {running} running, {unfinished} unfinished, {missing} missing, "
    "{broken} broken, {blocked} waiting",
)
HOURS = define("study.hours", "{hours:.1f} hours of training are left, by the epochs of the training logs")
HOURS_SOME = define(
    "study.hours-some",
    "at least {hours:.1f} hours of training are left; of {count} trainings no epoch is known",
    one="at least {hours:.1f} hours of training are left; of {count} training no epoch is known",
)
HOURS_UNKNOWN = define(
    "study.hours-unknown",
    "no epoch of these trainings is known yet; holter bench {dataset} {configuration} predicts one",
)
NPZ = define(
    "study.npz",
    "Several configurations of one data set: nnUNetv2_find_best_configuration needs --npz for an ensemble (-- --npz).",
)
FIRST_PREPARES = define(
    "study.first-prepares",
    "The first fold to start writes the splits, and unpacks data of nnU-Net before 2.6; the others wait for it.",
)


def counts(cells: Sequence[Cell]) -> dict[str, int]:
    """Return how many trainings are in each state."""
    found = Counter(cell.state for cell in cells)
    return {state: found[state] for state in STATES}


def counted(cells: Sequence[Cell]) -> Message:
    """Return how many trainings there are and in which states."""
    return COUNTED(total=len(cells), count=len(cells), **counts(cells))


def in_order(cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """Return the trainings that are still to start: by priority, a stage of a cascade after the one it needs."""
    left = [cell for cell in cells if cell.state in TO_DO]
    later = [cell for cell in cells if cell.state == "blocked"]
    first = sorted(left, key=lambda cell: (-cell.job.priority, cell.job.previous is not None))
    return (*first, *sorted(later, key=lambda cell: -cell.job.priority))


def command_of(cell: Cell, extra: Sequence[str] = ()) -> str:
    """Return the command that trains this job."""
    return shlex.join(("holter", "train", *cell.job.arguments(tuple(extra))))


def hours_left(cells: Sequence[Cell]) -> Message | None:
    """Return a sentence with the hours that the remaining trainings take; None if none remains."""
    open_cells = [cell for cell in cells if cell.state != "done"]
    known = [cell.hours for cell in open_cells if cell.hours is not None]
    if not open_cells:
        return None
    if not known:
        job = open_cells[0].job
        return HOURS_UNKNOWN(dataset=job.dataset, configuration=job.configuration)
    if len(known) < len(open_cells):
        return HOURS_SOME(hours=sum(known), count=len(open_cells) - len(known))
    return HOURS(hours=sum(known))


def remarks(cells: Sequence[Cell], extra: Sequence[str]) -> tuple[Message, ...]:
    """Return notes that the user should read before the start."""
    said = []
    configurations = Counter(dataset for dataset, _ in {cell.job.family for cell in cells})
    if any(count > 1 for count in configurations.values()) and "--npz" not in extra:
        said.append(NPZ())
    if sum(cell.state in TO_DO for cell in cells) > 1:
        said.append(FIRST_PREPARES())
    return tuple(said)
