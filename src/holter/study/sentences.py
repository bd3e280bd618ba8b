"""Words that several parts of a study share."""

from __future__ import annotations

from collections.abc import Sequence

from holter.records import Message
from holter.reports.outcome.sentences import FOLD
from holter.sentences import define, define_all
from holter.study.records import Cell, Job

define_all(
    {
        "study.state.done": "done",
        "study.state.running": "running",
        "study.state.unfinished": "unfinished",
        "study.state.missing": "missing",
        "study.state.broken": "broken",
        "study.state.blocked": "waits",
    }
)
LOST_TO = define("study.lost-to", "{cause} {lost:duration}")
UNKNOWN_CAUSE = define("study.lost-unknown", "cause unknown")
# Less is not worth a word.
LEAST_LOST_S = 1.0
EPOCHS_OF = define("study.epochs-of", "epoch {done}[[ of {planned}]]")


def named_causes(losses: Sequence[tuple[str, float]], most: int | None = None) -> tuple[Message, ...] | None:
    """Return "Slow storage 5 min" for the causes of lost time, at most so many; None if none of them is known.

    ``losses``: cause and seconds, largest first; the cause "" is unknown.
    """
    named = [(cause, seconds) for cause, seconds in losses if seconds >= LEAST_LOST_S][:most]
    if not any(cause for cause, _ in named):
        return None
    return tuple(LOST_TO(cause=title_of(cause), lost=seconds) for cause, seconds in named)


def title_of(cause: str) -> Message:
    """Return the title of a cause; "" is an unknown one."""
    return Message(key=f"cause.{cause}.title") if cause else UNKNOWN_CAUSE()


def name_of(job: Job) -> Message:
    """Return the name of a job: data set, configuration, fold, and a trainer that is not the usual one."""
    trainer = job.trainer if job.trainer != "nnUNetTrainer" else None
    return FOLD(dataset=job.dataset, configuration=job.configuration, fold=job.fold, trainer=trainer)


def how_far(cell: Cell) -> Message | None:
    """Return how many epochs a job has done; None if none is known."""
    return None if cell.epochs_done is None else EPOCHS_OF(done=cell.epochs_done, planned=cell.epochs_planned)
