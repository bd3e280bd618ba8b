"""What a fault of the campaign is, and what Holter owes a training that meets it."""

from __future__ import annotations

# ruff: noqa: ARG002 -- every fault is given the same
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from benchmarks.survival.outside import Outside, Printed
from holter.demo.faults import Context
from holter.demo.faults import Fault as DemoFault
from holter.demo.prepare import Prepared

# goes-on: back at work by itself; waits: outside Holter's reach, the training must go on when the trouble has passed
# and must not have been restarted; untouched: there is nothing to do, and nothing may be done; stops: it must end
# with exit code 76 and say why, since everything else would lose the training in silence.
Promise = Literal["goes-on", "waits", "untouched", "stops"]

FAULT_EPOCH = 2  # two checkpoints lie on the disk by then
# From the line "Epoch 2" on: the workers run, and most of the epoch's steps are still to come.
INTO_EPOCH_S = 1.0


class Stage(NamedTuple):
    """Where a run takes place."""

    folder: Path
    brains: Prepared
    number: int  # of the repetition: the seed of what is random

    def context(self) -> Context:
        """For faults of ``holter demo``, before the training has started."""
        return Context(scratch=self.folder, preprocessed=self.brains.preprocessed)


class Fault:
    """Base of all: a healthy training. A new object for every run; steps come in the order in which they stand."""

    name = "none"
    promise: Promise = "untouched"
    summary = "nothing goes wrong"
    in_epoch = False  # new workers are enough: no restart, no work lost
    is_temporary = False  # repaired after a while
    stock = True  # also without Holter
    epochs: int | None = None  # where it needs more or fewer than others
    iterations: int | None = None  # an epoch
    val_iterations: int | None = None
    validates = False  # with the final validation
    strikes = 1  # how often something is broken
    fault_epoch = FAULT_EPOCH  # it comes in this one

    def __init__(self) -> None:
        self.struck: list[float] = []  # wall-clock times at which something was broken
        self.over_at: float | None = None  # monotonic time of the repair, where it is repaired
        self._seen: tuple[int, float] = (-1, 0.0)

    def needs(self) -> str | None:
        """Why it cannot be done on this machine."""
        return None

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Get ready; variables for the environment."""
        return {}

    def wrap_training(self, command: Sequence[str]) -> list[str]:
        """The training's command."""
        return list(command)

    def wrap(self, command: Sequence[str]) -> list[str]:
        """The whole command, with ``holter run`` where there is one."""
        return list(command)

    def is_time(self, outside: Outside, printed: Printed) -> bool:
        """Whether to break it now: in the middle of an epoch."""
        return self._into_epoch(printed, self.fault_epoch, INTO_EPOCH_S)

    def inject(self, outside: Outside) -> None:
        """Break it."""

    def step(self, outside: Outside, since_s: float) -> None:
        """Called about ten times a second from then on."""

    def relieve(self) -> None:
        """Let go of whoever waits, so that all can be ended."""

    def undo(self) -> None:
        """Remove what was put up; nobody uses it any more."""

    def strike(self) -> None:
        """Note the time."""
        self.struck.append(time.time())

    def repaired(self) -> None:
        """Note that from here on the training could go on by itself."""
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
        """As the demo says."""
        return self.demo.needs()

    def prepare(self, stage: Stage) -> dict[str, str]:
        """As the demo does."""
        self._context = stage.context()
        return self.demo.prepare(self._context)

    def wrap_training(self, command: Sequence[str]) -> list[str]:
        """As the demo does."""
        return self.demo.wrap(command)

    def inject(self, outside: Outside) -> None:
        """As the demo does."""
        self._context = outside.context()
        self.demo.inject(self._context)
        self.strike()

    def step(self, outside: Outside, since_s: float) -> None:
        """Repair it in time."""
        if self.lasts_s is not None and since_s >= self.lasts_s and self.over_at is None:
            self.relieve()

    def relieve(self) -> None:
        """As the demo does."""
        if self._context is not None:
            self.demo.relieve(self._context)
        self.repaired()

    def undo(self) -> None:
        """As the demo does."""
        if self._context is not None:
            self.demo.undo(self._context)
