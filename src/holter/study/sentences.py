"""Words that several parts of a study share."""

from __future__ import annotations

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
EPOCHS_OF = define("study.epochs-of", "epoch {done}[[ of {planned}]]")


def name_of(job: Job) -> Message:
    """Return the name of a job: data set, configuration, fold, and a trainer that is not the usual one."""
    trainer = job.trainer if job.trainer != "nnUNetTrainer" else None
    return FOLD(dataset=job.dataset, configuration=job.configuration, fold=job.fold, trainer=trainer)


def how_far(cell: Cell) -> Message | None:
    """Return how many epochs a job has done; None if none is known."""
    return None if cell.epochs_done is None else EPOCHS_OF(done=cell.epochs_done, planned=cell.epochs_planned)
