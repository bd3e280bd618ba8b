"""What the lab asks of a fault: how it is made and undone is told by its base, what is true by its attributes."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.survival import fault as survival
from benchmarks.survival.fault import Stage
from benchmarks.survival.outside import Outside, Printed

TRAINERS = Path(__file__).with_name("trainers")
ARMED_BY = "FAULTLAB_ARMED_BY"  # the variable that names the file which arms a trainer of ours
# Every minute of a run is one of a person who waits for the lab: two epochs of five seconds, broken in the second.
EPOCHS, ITERATIONS, VAL_ITERATIONS = 40, 40, 2


class Scenario(survival.Fault):
    """Base of faults and of healthy variations: a training that nothing happens to."""

    fault_epoch = 1
    epochs: int | None = EPOCHS  # more than the run lasts: the lab ends it when all is said
    iterations: int | None = ITERATIONS
    val_iterations: int | None = VAL_ITERATIONS
    options: tuple[str, ...] = ()  # of the shortened trainer
    variables: dict[str, str] = {}
    trainer: str | None = None  # class in TRAINERS
    watch_s = 40.0  # after the fault, at most
    limit_s = 240.0  # for the whole run, on a machine that is busy with other things too
    fold = "0"
    returns = False  # the trouble passes by itself: it is watched until it has


class Fault(Scenario):
    """Something is wrong, and one cause is true."""

    cause = ""  # id of the true one
    also: tuple[str, ...] = ()  # ids of others that hold as well
    gradual = False  # it makes the training slower by less than three times: noticed in minutes, not in seconds
    from_start = False  # there before the first step: seconds count from the line "Epoch 0"
    acts = False  # the training cannot go on by itself: to propose a restart or new workers is right
    victims: dict[str, int] = {}  # cause -> PID that its headline must name

    def right(self) -> frozenset[str]:
        """All ids that may be named."""
        return frozenset((self.cause, *self.also))


class Healthy(Scenario):
    """Nothing is wrong, however strange it looks; it must stay silent to the end, but for these notices."""

    notices: tuple[str, ...] = ()

    epochs: int | None = 2
    iterations: int | None = 25
    exit_codes: tuple[int, ...] = (0,)


class ArmedTraining(Scenario):
    """Base: a trainer of ours does it, from the moment at which a file is there."""

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Tell it where to look."""
        self.arm = stage.folder / "armed"
        return {**super().prepare(stage), ARMED_BY: str(self.arm)}

    def inject(self, outside: Outside) -> None:
        """Arm it."""
        self.strike()
        self.arm.touch()


class Armed(ArmedTraining, Fault):
    """Base: such a trainer does something that is wrong."""


class FromTheStart(Fault):
    """Base: it is there before the training begins to train."""

    from_start = True

    def is_time(self, outside: Outside, printed: Printed) -> bool:
        """The first epoch begins; where none does, as soon as the training is there."""
        return bool(printed.begun)

    def inject(self, outside: Outside) -> None:
        """It is there already."""
        self.strike()


def is_root() -> bool:
    """Whether groups, mounts and namespaces can be made."""
    return os.geteuid() == 0
