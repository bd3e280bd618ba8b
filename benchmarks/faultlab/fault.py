"""Interface of a fault: its base class makes and undoes it, its attributes give the true cause."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.faults.outside import Outside, Printed
from benchmarks.survival import fault as survival
from benchmarks.survival.fault import Stage

TRAINERS = Path(__file__).parents[1] / "faults" / "trainers"
ARMED_BY = "FAULTLAB_ARMED_BY"  # environment variable with the file that arms a trainer of the lab
# Keep runs short: two epochs of five seconds, broken in the second.
EPOCHS, ITERATIONS, VAL_ITERATIONS = 40, 40, 2


class Scenario(survival.Fault):
    """Base of faults and of healthy variations: a training without any change."""

    fault_epoch = 1
    epochs: int | None = EPOCHS  # more than the run lasts: the lab ends it
    iterations: int | None = ITERATIONS
    val_iterations: int | None = VAL_ITERATIONS
    options: tuple[str, ...] = ()  # of the shortened trainer
    variables: dict[str, str] = {}
    trainer: str | None = None  # class in TRAINERS
    watch_s = 40.0  # after the fault, at most
    limit_s = 240.0  # for the whole run; enough for a busy machine
    fold = "0"
    returns = False  # the fault ends by itself: watch until then


class Fault(Scenario):
    """Something is wrong, and one cause is true."""

    cause = ""  # id of the true cause
    also: tuple[str, ...] = ()  # ids of other causes that are true too
    gradual = False  # the slow-down is below three times: noticed in minutes, not in seconds
    from_start = False  # starts before the first step: seconds count from the line "Epoch 0"
    acts = False  # the training cannot recover by itself: proposing a restart or new workers is right
    victims: dict[str, int] = {}  # cause -> PID that its headline must name

    def right(self) -> frozenset[str]:
        """Return all ids that may be named."""
        return frozenset((self.cause, *self.also))


class Healthy(Scenario):
    """Nothing is wrong, however strange it looks; Holter must stay silent to the end, except for these notices."""

    notices: tuple[str, ...] = ()

    epochs: int | None = 2
    iterations: int | None = 25
    exit_codes: tuple[int, ...] = (0,)


class ArmedTraining(Scenario):
    """Base: a trainer of the lab causes it, as soon as a file exists."""

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Set the variable with the file's path."""
        self.arm = stage.folder / "armed"
        return {**super().prepare(stage), ARMED_BY: str(self.arm)}

    def inject(self, outside: Outside) -> None:
        """Create the file."""
        self.strike()
        self.arm.touch()


class Armed(ArmedTraining, Fault):
    """Base: such a trainer causes a fault."""


class FromTheStart(Fault):
    """Base: the fault exists before the training starts to train."""

    from_start = True

    def is_time(self, outside: Outside, printed: Printed) -> bool:
        """Count from the start of the first epoch."""
        return bool(printed.begun)

    def inject(self, outside: Outside) -> None:
        """Record the time; the fault exists already."""
        self.strike()


def is_root() -> bool:
    """Whether control groups, mounts and namespaces can be created."""
    return os.geteuid() == 0
