"""The interface of a fault, and the context that it gets from the demo."""

from __future__ import annotations

# ruff: noqa: ARG002 -- every fault is given the context
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from holter.records import Phase, Role, Text


class Worker(msgspec.Struct, frozen=True, kw_only=True):
    """A process of the training that is not the main process."""

    pid: int
    role: Role


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """Folders of the demo and, once it runs, the processes of the training."""

    scratch: Path  # exists; a fault may leave files in it
    preprocessed: Path  # nnUNet_preprocessed, the real folder
    main_pid: int | None = None  # None: not started
    workers: tuple[Worker, ...] = ()

    def of_role(self, role: Role) -> tuple[Worker, ...]:
        return tuple(worker for worker in self.workers if worker.role == role)

    def pids(self) -> tuple[int, ...]:
        main = () if self.main_pid is None else (self.main_pid,)
        return main + tuple(worker.pid for worker in self.workers)


class DemoFault:
    """How a real fault is made and undone. This base class makes none: the demo of a healthy training.

    ``benchmarks/faults`` uses these faults too: its own ``Fault`` adds what must be true of a run that has one.
    All methods may be called twice, ``relieve`` and ``undo`` also without ``inject``.
    """

    name = "none"
    true_cause: str | None = None  # id of the cause that a diagnosis must name; None: no fault
    heals = False  # Holter may act on it; otherwise it only watches
    phase: Phase = "train"  # phase of the training in which it is injected

    def needs(self) -> Text | None:
        """Return why the fault is not possible on this machine; None if it is."""
        return None

    def prepare(self, context: Context) -> dict[str, str]:
        """Prepare the fault before the training starts; return variables to add to its environment."""
        return {}

    def wrap(self, command: Sequence[str]) -> list[str]:
        """Return the training's command, changed if the fault needs it. Called after ``prepare``."""
        return list(command)

    def inject(self, context: Context) -> None:
        """Cause the fault. The training is in the middle of an epoch, or in the phase that ``phase`` names."""

    def relieve(self, context: Context) -> None:
        """End the fault, so that a training that still runs can continue."""

    def undo(self, context: Context) -> None:
        """End the fault, and remove everything that was created. The training is over or no longer needed."""
        self.relieve(context)


@contextmanager
def prepared(fault: DemoFault, context: Context) -> Iterator[dict[str, str]]:
    """Prepare the fault, and yield the variables for the training's environment; undo it at the end of the block."""
    try:
        yield fault.prepare(context)
    finally:
        fault.undo(context)
