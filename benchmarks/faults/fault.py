"""A fault: its true cause, what Holter must do about it, and how it is made and undone."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from benchmarks.faults.outside import Outside
from holter.demo.faults import Context, DemoFault
from holter.demo.prepare import Prepared
from holter.errors import HolterError
from holter.records import Text
from holter.reports.catalogue import phrase

TRAINERS = Path(__file__).with_name("trainers")
ARMED_BY = "FAULTLAB_ARMED_BY"  # environment variable with the file that arms a trainer

# goes-on: back at work by itself; waits: outside Holter's reach, the training must continue when the trouble is over
# and must not have been restarted; untouched: nothing needs to be done, and no action is allowed; stops: it must end
# with exit code 76 and report why, because anything else would silently lose the training.
Promise = Literal["goes-on", "waits", "untouched", "stops"]
When = Literal["process", "first-epoch", "in-epoch", "final-validation", "end"]
MOMENTS: Mapping[When, Callable[[Outside], bool]] = {
    "process": lambda outside: outside.main is not None,
    "first-epoch": lambda outside: bool(outside.printed().begun),
    "in-epoch": Outside.is_into_epoch,  # the runner sets the epoch
    "final-validation": lambda outside: outside.printed().validates,
    "end": lambda outside: outside.printed().validated,
}


def english(what: Text | None) -> str | None:
    """Return what a fault lacks on this machine in English, or None."""
    return None if what is None else phrase(what, "en")


class Stage(NamedTuple):
    """The folders of one run."""

    folder: Path
    brains: Prepared
    number: int  # number of the repetition: the seed for random choices

    def context(self) -> Context:
        """Return the context for faults of ``holter demo``, before the training has started."""
        return Context(scratch=self.folder, preprocessed=self.brains.preprocessed)

    def copy_data(self) -> tuple[Path, dict[str, str]]:
        """Copy the preprocessed data into the folder; return the copy and the variable that names it."""
        data = self.folder / "nnUNet_preprocessed"
        shutil.copytree(self.brains.preprocessed, data)
        return data, {"nnUNet_preprocessed": str(data)}


class Fault:
    """Base of all faults of the lab and the campaign; by itself a healthy training without any change.

    It says what is true of a fault and what Holter must do. A fault that ``holter demo`` can make too is made by its
    ``DemoFault`` (``FromDemo``).

    A fault is a subclass that declares these facts, or gets them as keywords. Each run has a new object; its methods
    are called in this order.
    """

    name = "none"
    summary = "nothing goes wrong"

    # What is true of it.
    cause: str | None = None  # id of the true cause; None: nothing is wrong, however strange it looks
    also: tuple[str, ...] = ()  # ids of other causes that are true too
    gradual = False  # the slow-down is below three times: noticed in minutes, not in seconds
    acts = False  # the training cannot recover by itself: proposing a restart or new workers is right
    returns = False  # the fault ends by itself: watch until then
    notices: tuple[str, ...] = ()  # of a healthy run: Holter must give these, and stay silent otherwise

    # What Holter must do.
    promise: Promise = "untouched"
    in_epoch = False  # new workers are enough: no restart, no lost work
    is_temporary = False  # it is repaired after a while
    strikes = 1  # number of times that something is broken

    # How the training runs. None: the runner decides.
    when: When = "in-epoch"  # the moment at which it is injected
    epochs: int | None = None
    iterations: int | None = None  # per epoch
    val_iterations: int | None = None
    validates = False  # with the final validation
    stock = True  # also run without Holter
    trainer: str | None = None  # a class in TRAINERS
    options: tuple[str, ...] = ()  # of the shortened trainer
    variables: Mapping[str, str] = {}
    exit_codes: tuple[int, ...] = (0,)  # of a healthy run
    watch_s: float | None = None  # after the fault, at most
    limit_s: float | None = None  # for the whole run

    def __init__(self, **facts: Any) -> None:
        for fact, value in facts.items():
            if not hasattr(type(self), fact):
                raise TypeError(f"{type(self).__name__} declares no {fact!r}")
            setattr(self, fact, value)
        self.struck: list[float] = []  # wall-clock times of the faults
        self.over_at: float | None = None  # monotonic time of the repair, if it is repaired
        self.victims: dict[str, int] = {}  # cause -> PID that its headline must name
        self._injected_s: float | None = None

    def right(self) -> frozenset[str]:
        """Return all ids that may be named."""
        return frozenset(cause for cause in (self.cause, *self.also) if cause is not None)

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

    def turn(self, outside: Outside) -> str | None:
        """Inject it when it is time, then ``step``. Called ten times a second.

        Returns:  why the fault could not be made; None if it could.
        """
        try:
            if self._injected_s is not None:
                self.step(outside, time.monotonic() - self._injected_s)
            elif self.is_time(outside):
                self.inject(outside)
                self._injected_s = time.monotonic()
        except (OSError, RuntimeError, HolterError) as error:
            return f"the fault could not be made: {type(error).__name__}: {error}"
        return None

    def is_time(self, outside: Outside) -> bool:
        """Whether to break it now."""
        return MOMENTS[self.when](outside)

    def inject(self, outside: Outside) -> None:
        """Break it."""

    def step(self, outside: Outside, since_s: float) -> None:
        """Continue, ``since_s`` seconds after ``inject``."""

    def why_without_effect(self) -> str | None:
        """Return why the run does not show this fault; None if it does, or nobody can know it from outside."""
        return None

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

    @property
    def is_under_way(self) -> bool:
        """Whether the fault will be repaired: a training may wait for that."""
        return self._injected_s is not None and self.is_temporary and self.over_at is None


Make = Callable[[], Fault]


def by_name(makes: Iterable[Make]) -> dict[str, Make]:
    """Return the functions that make a new object of each fault, by its name."""
    return {make().name: make for make in makes}


class AlreadyThere(Fault):
    """Base: the fault exists already when its seconds start to count."""

    def inject(self, outside: Outside) -> None:
        """Record the time; the fault exists already."""
        self.strike()


class FromTheStart(AlreadyThere):
    """Base: the fault exists before the training starts to train."""

    when: When = "first-epoch"


class Armed(Fault):
    """Base: a trainer causes it, as soon as a file exists."""

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Set the variable with the file's path."""
        self.arm = stage.folder / "armed"
        return {**super().prepare(stage), ARMED_BY: str(self.arm)}

    def inject(self, outside: Outside) -> None:
        """Create the file."""
        self.strike()
        self.arm.touch()


class FromDemo(Fault):
    """A fault of ``holter demo``; repaired after ``lasts_s``."""

    lasts_s: float | None = None

    def __init__(self, make: Callable[[], DemoFault], **facts: Any) -> None:
        super().__init__(**facts)
        self.demo = make()
        self._context: Context | None = None

    def needs(self) -> str | None:
        """Do as the demo does."""
        return english(self.demo.needs())

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
