"""A fault of the campaign, and what Holter must do about it."""

from __future__ import annotations

# ruff: noqa: ARG002 -- every fault gets the same arguments
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from benchmarks.survival.outside import Outside, Printed
from holter.demo.faults import Context
from holter.demo.faults import Fault as DemoFault
from holter.demo.prepare import Prepared
from holter.reports.catalogue import phrase

# goes-on: back at work by itself; waits: outside Holter's reach, the training must continue when the trouble is over
# and must not have been restarted; untouched: nothing needs to be done, and no action is allowed; stops: it must end
# with exit code 76 and report why, because anything else would silently lose the training.
Promise = Literal["goes-on", "waits", "untouched", "stops"]

FAULT_EPOCH = 2  # two checkpoints are on the disk by then
# After the line "Epoch 2": the workers run, and most of the epoch's steps are still to come.
INTO_EPOCH_S = 1.0


class Stage(NamedTuple):
    """The folders of one run."""

    folder: Path
    brains: Prepared
    number: int  # number of the repetition: the seed for random choices

    def context(self) -> Context:
        """Context for faults of ``holter demo``, before the training has started."""
        return Context(scratch=self.folder, preprocessed=self.brains.preprocessed)


class Fault:
    """Base of all: a healthy training. A new object for every run; its methods are called in this order."""

    name = "none"
    promise: Promise = "untouched"
    summary = "nothing goes wrong"
    in_epoch = False  # new workers are enough: no restart, no lost work
    is_temporary = False  # repaired after a while
    stock = True  # also run without Holter
    epochs: int | None = None  # if it needs more or fewer than others
    iterations: int | None = None  # per epoch
    val_iterations: int | None = None
    validates = False  # with the final validation
    strikes = 1  # number of times that something is broken
    fault_epoch = FAULT_EPOCH  # epoch of the fault

    def __init__(self) -> None:
        self.struck: list[float] = []  # wall-clock times of the faults
        self.over_at: float | None = None  # monotonic time of the repair, if it is repaired
        self._seen: tuple[int, float] = (-1, 0.0)

    def needs(self) -> str | None:
        """Return why it cannot be done on this machine; None if it can."""
        return None

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Prepare; return variables for the environment."""
        return {}

    def wrap_training(self, command: Sequence[str]) -> list[str]:
        """Return the training's command, changed if the fault needs it."""
        return list(command)

    def wrap(self, command: Sequence[str]) -> list[str]:
        """Return the whole command, which includes ``holter run`` if it is used."""
        return list(command)

    def is_time(self, outside: Outside, printed: Printed) -> bool:
        """Whether to break it now: in the middle of an epoch."""
        return self._into_epoch(printed, self.fault_epoch, INTO_EPOCH_S)

    def inject(self, outside: Outside) -> None:
        """Break it."""

    def step(self, outside: Outside, since_s: float) -> None:
        """Called about ten times a second after ``inject``."""

    def relieve(self) -> None:
        """Release blocked processes, so that all can be ended."""

    def undo(self) -> None:
        """Remove mounts, groups and files of the fault, after all processes have ended."""

    def strike(self) -> None:
        """Record the time of the fault."""
        self.struck.append(time.time())

    def repaired(self) -> None:
        """Record that from now on the training could continue by itself."""
        if self.over_at is None:
            self.over_at = time.monotonic()

    def _into_epoch(self, printed: Printed, epoch: int, seconds: float) -> bool:
        last = printed.begun[-1] if printed.begun else -1
        if last != self._seen[0]:
            self._seen = last, time.monotonic()
        return last >= epoch and time.monotonic() - self._seen[1] >= seconds


class FromDemo(Fault):
    """A fault of ``holter demo``; repaired after ``lasts_s``."""

    lasts_s: float | None = None

    def __init__(self, fault: DemoFault) -> None:
        super().__init__()
        self.is_temporary = self.lasts_s is not None
        self.demo = fault
        self._context: Context | None = None

    def needs(self) -> str | None:
        """Do as the demo does."""
        missing = self.demo.needs()
        return None if missing is None else phrase(missing, "en")

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Do as the demo does."""
        self._context = stage.context()
        return self.demo.prepare(self._context)

    def wrap_training(self, command: Sequence[str]) -> list[str]:
        """Do as the demo does."""
        return self.demo.wrap(command)

    def inject(self, outside: Outside) -> None:
        """Do as the demo does."""
        self._context = outside.context()
        self.demo.inject(self._context)
        self.strike()

    def step(self, outside: Outside, since_s: float) -> None:
        """Repair it after ``lasts_s``."""
        if self.lasts_s is not None and since_s >= self.lasts_s and self.over_at is None:
            self.relieve()

    def relieve(self) -> None:
        """Do as the demo does."""
        if self._context is not None:
            self.demo.relieve(self._context)
        self.repaired()

    def undo(self) -> None:
        """Do as the demo does."""
        if self._context is not None:
            self.demo.undo(self._context)
