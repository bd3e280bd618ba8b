"""Describe what a study would do: the commands in their order, what each needs, the hours. Pure."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence

from holter.bench.published import published_for
from holter.bench.records import Published
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
PUBLISHED = define(
    "study.hours-published",
    "By epochs that nnU-Net's authors published, each of {count} trainings ({what}, {epochs} epochs) takes {rows}; "
    "patch, network, disk and CPUs decide",
    one="By epochs that nnU-Net's authors published, {count} training ({what}, {epochs} epochs) takes {rows}; patch, "
    "network, disk and CPUs decide",
)
PUBLISHED_ROW = define("study.hours-published-row", "{low}[[ to {high}]] hours on {gpu}")
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
        return HOURS_UNKNOWN(dataset=shlex.quote(job.dataset), configuration=shlex.quote(job.configuration))
    if len(known) < len(open_cells):
        return HOURS_SOME(hours=sum(known), count=len(open_cells) - len(known))
    return HOURS(hours=sum(known))


def published_hours(cells: Sequence[Cell]) -> tuple[Message, ...]:
    """Return what trainings of which no epoch is known take by nnU-Net's published epoch times, a sentence a kind."""
    said = []
    unknown = [cell for cell in cells if cell.state != "done" and cell.hours is None and cell.epochs_planned]
    for axes in (2, 3):
        planned = Counter(
            cell.epochs_planned for cell in unknown if (axes == 2) == cell.job.configuration.startswith("2d")
        )
        for epochs, count in planned.items():
            rows = published_for(axes, "")
            shown = tuple(
                PUBLISHED_ROW(gpu=row.gpu, low=_hours(epochs, row.low_s), high=_other_hours(epochs, row))
                for row in rows
            )
            said.append(PUBLISHED(count=count, what=rows[0].what, epochs=epochs, rows=shown))
    return tuple(said)


def _hours(epochs: int | None, epoch_s: float) -> int:
    return max(1, round((epochs or 0) * epoch_s / 3600))


def _other_hours(epochs: int | None, row: Published) -> int | None:
    high = _hours(epochs, row.high_s)
    return high if high != _hours(epochs, row.low_s) else None


def remarks(cells: Sequence[Cell], extra: Sequence[str]) -> tuple[Message, ...]:
    """Return notes that the user should read before the start; ``changed_plans`` has others."""
    said = []
    configurations = Counter(dataset for dataset, _ in {cell.job.family for cell in cells})
    if any(count > 1 for count in configurations.values()) and "--npz" not in extra:
        said.append(NPZ())
    if sum(cell.state in TO_DO for cell in cells) > 1:
        said.append(FIRST_PREPARES())
    return tuple(said)
