"""The parts of a study: jobs, their states, and the reasons why one cannot start."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from holter.records import Message
from holter.texts.training_command import TrainingCommand, model_options

Number = TypeVar("Number", int, float)

State = Literal[
    "done",  # final checkpoint and final validation
    "running",  # its lock is held, or its process or recorder is seen
    "unfinished",  # checkpoints or epochs are there; it can be continued
    "missing",  # nothing is there
    "broken",  # its last call gave up or died: a person must look first
    "blocked",  # waits for other trainings or for preprocessed data
]
STATES: tuple[State, ...] = ("done", "running", "unfinished", "missing", "broken", "blocked")
# States in which a queue starts a training.
TO_DO: tuple[State, ...] = ("unfinished", "missing")


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One training of a study: a fold of a configuration of a data set."""

    dataset: str  # the folder's name
    configuration: str
    fold: str
    trainer: str = "nnUNetTrainer"
    plans: str = "nnUNetPlans"
    folder: Path  # of the fold, in nnUNet_results
    preprocessed: Path  # of the configuration's cases
    previous: str | None = None  # configuration whose predictions it trains on (a cascade)
    priority: int = 0  # what has a higher one starts first

    @property
    def training(self) -> TrainingCommand:
        """The job as the training command that it runs."""
        return TrainingCommand(
            dataset=self.dataset,
            configuration=self.configuration,
            fold=self.fold,
            trainer=self.trainer,
            plans=self.plans,
        )

    @property
    def model(self) -> Path:
        """Folder of the model: all its folds have this data set, configuration, trainer and plans."""
        return self.folder.parent

    @property
    def family(self) -> tuple[str, str]:
        """Data set and configuration: folds of one family are comparable."""
        return self.dataset, self.configuration

    @property
    def unusual(self) -> tuple[str, ...]:
        """Trainer and plans, as far as they are not the usual ones."""
        return model_options(self.trainer, self.plans)[1::2]

    def arguments(self, extra: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Return the words after ``holter train``."""
        return (self.dataset, self.configuration, self.fold, *model_options(self.trainer, self.plans), *extra)


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """The progress of a fold, from its training log."""

    epochs_done: int | None = None
    epoch_s: float | None = None  # median of its last epochs
    loss: float | None = None  # validation loss of the last epoch
    written_s: float | None = None  # unix time of the last line


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One training of a study, and what is known of it: state, progress, lost time, energy, its Slurm job."""

    job: Job
    state: State
    why: Message | None = None  # of a broken, blocked or running one
    epochs_done: int | None = None
    epochs_planned: int | None = None
    epoch_s: float | None = None
    loss: float | None = None
    hours: float | None = None  # expected until it is done; None: not known
    cause: str | None = None  # of its last trouble
    incidents: int | None = None  # times that it did not go on, over all calls; None: not recorded
    lost_s: float | None = None  # of finished calls
    lost_by_cause: tuple[tuple[str, float], ...] = ()  # largest first; "": of unknown cause
    wall_s: float = 0.0  # of all recorded calls
    ended_s: float = 0.0  # of the calls that ``good_s`` is of
    gpu_s: float | None = None  # time × GPUs, of all calls that recorded their number
    good_s: float | None = None  # of finished calls
    energy_kwh: float | None = None  # of all calls whose driver tells it
    job_began: str | None = None  # of the call that runs
    job_ends: str | None = None  # when the scheduler ends its job
    calls: int = 0  # that were recorded
    tape: str | None = None
    headline: Message | None = None
    odd: Message | None = None  # how it differs from its siblings


def by_model(cells: Iterable[Cell]) -> list[list[Cell]]:
    """Return the trainings of each model, in their order."""
    found: dict[Path, list[Cell]] = {}
    for cell in cells:
        found.setdefault(cell.job.model, []).append(cell)
    return list(found.values())


def lost_by_cause(cells: Iterable[Cell]) -> Counter[str]:
    """Return the seconds that these trainings have lost, by cause; "" is an unknown one."""
    lost: Counter[str] = Counter()
    for cell in cells:
        lost.update(dict(cell.lost_by_cause))
    return lost


def known_sum(values: Iterable[Number | None]) -> Number | None:
    """Return the sum of the values that are known; None if none is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None
