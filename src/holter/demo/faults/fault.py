"""What a fault is, and what it is told about the training that it breaks."""

from __future__ import annotations

# ruff: noqa: ARG002 -- every fault is given the context
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import msgspec

from holter.records import Phase, Role


class Worker(msgspec.Struct, frozen=True, kw_only=True):
    """A process of the training other than its main one."""

    pid: int
    role: Role


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """Where the demo lives and, once it runs, which processes it has."""

    scratch: Path  # exists; a fault may leave files in it
    preprocessed: Path  # nnUNet_preprocessed, the real folder
    main_pid: int | None = None  # None: not started
    workers: tuple[Worker, ...] = ()

    def of_role(self, role: Role) -> tuple[Worker, ...]:
        """Workers of one role."""
        return tuple(worker for worker in self.workers if worker.role == role)

    def pids(self) -> tuple[int, ...]:
        """All processes of the training."""
        main = () if self.main_pid is None else (self.main_pid,)
        return main + tuple(worker.pid for worker in self.workers)


class Fault(Protocol):
    """Something real that goes wrong. All methods may be called twice, the last two also without ``inject``."""

    name: str
    summary: str  # one sentence for ``holter demo --help``
    true_cause: str | None  # id of the cause that a diagnosis must name; None: there is nothing to find
    heals: bool  # Holter may act on it; else it only watches
    phase: Phase  # of the training in which it comes

    def needs(self) -> str | None:
        """Why it cannot be done on this machine; None where it can."""
        ...

    def prepare(self, context: Context) -> dict[str, str]:
        """Get ready before the training starts; the variables to add to the environment."""
        ...

    def wrap(self, command: Sequence[str]) -> list[str]:
        """The training's command, changed where the fault needs it; after ``prepare``."""
        ...

    def inject(self, context: Context) -> None:
        """Break it. The training is in the middle of an epoch, or where ``phase`` says."""
        ...

    def relieve(self, context: Context) -> None:
        """End the trouble, so that a training that still lives goes on."""
        ...

    def undo(self, context: Context) -> None:
        """Relieve, and remove what was put up. The training is over or no longer needed."""
        ...


class Harmless:
    """Base of the faults: does nothing at every step."""

    name = "none"
    summary = "nothing goes wrong: see what a healthy training looks like"
    true_cause: str | None = None
    heals = False
    phase: Phase = "train"

    def needs(self) -> str | None:
        """Nothing."""
        return None

    def prepare(self, context: Context) -> dict[str, str]:
        """Nothing to prepare."""
        return {}

    def wrap(self, command: Sequence[str]) -> list[str]:
        """The command as it is."""
        return list(command)

    def inject(self, context: Context) -> None:
        """Nothing breaks."""

    def relieve(self, context: Context) -> None:
        """Nothing to repair."""

    def undo(self, context: Context) -> None:
        """Nothing to remove."""
        self.relieve(context)


@contextmanager
def prepared(fault: Fault, context: Context) -> Iterator[dict[str, str]]:
    """The fault's environment variables; whatever ends the block, the fault is undone."""
    try:
        yield fault.prepare(context)
    finally:
        fault.undo(context)
