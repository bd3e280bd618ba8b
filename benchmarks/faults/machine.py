"""Faults of the machine: frozen control groups, clocks that jump, other programs that compute."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.faults.fault import Fault, FromDemo, Stage
from benchmarks.faults.outside import Outside, end_session
from benchmarks.faults.tools.freezer_group import FreezerGroup, needs_freezer
from benchmarks.faults.tools.preload import JUMP_S, WallClock, needs_compiler
from holter.demo.faults.signals import FreezeWorker
from holter.demo.prepare import Prepared

# Busy processes per core: with fewer, the scheduler protects a training that computes in short bursts.
JOBS = 16
BUSY = (sys.executable, "-c", "while True: sum(range(10000))")
OTHER_TRAINING_S = 12.0
BACK_AFTER_S = 3.0  # before the standstill can be noticed
# An epoch begins and ends within it, so that nnU-Net's log has an epoch of an hour and one of minus an hour.
JUMPED_S = 12.0


class WithOthers(Fault):
    """Base: other programs run beside the training until it ends."""

    def __init__(self, **facts: Any) -> None:
        super().__init__(**facts)
        self._others: list[subprocess.Popen[bytes]] = []

    def start(self, command: Sequence[str], **variables: str) -> int:
        """Start a program; return its PID."""
        self._others.append(
            subprocess.Popen(
                command,
                env={**os.environ, **variables},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        )
        return self._others[-1].pid

    def start_fold(self, folder: Path, brains: Prepared, **variables: str) -> None:
        """Start another fold of the training."""
        results = str(folder / "other-results")
        command = [sys.executable, *brains.command(fold="1")[1:]]
        self.start(command, **{**brains.environment(), "nnUNet_results": results, **variables})

    def relieve(self) -> None:
        """End the programs, each with its own children."""
        for other in self._others:
            other.kill()
        for other in self._others:
            end_session(other.pid)
            other.wait()
        self._others.clear()

    def undo(self) -> None:
        """End the programs."""
        self.relieve()


class OtherJobs(WithOthers):
    """As on a shared workstation."""

    name = "other-jobs"
    summary = "sixteen busy processes for every core start beside the training"
    cause = "concurrent-jobs-contention"

    def inject(self, outside: Outside) -> None:
        """Start the jobs."""
        self.strike()
        for _ in range(JOBS * len(os.sched_getaffinity(0))):
            self.start(BUSY)


class BusyNeighbour(WithOthers):
    """The program is niced: other processes get a CPU first."""

    name = "busy-neighbour"
    summary = "a niced program uses every idle CPU"
    epochs = 5

    def inject(self, outside: Outside) -> None:
        """Start it."""
        self.strike()
        for _ in range(len(os.sched_getaffinity(0))):
            self.start(["nice", "-n", "19", sys.executable, "-c", "while True: pass"])


class OtherTraining(WithOthers):
    """Both share the processor for that time."""

    name = "other-training"
    summary = f"another training starts and is ended after {OTHER_TRAINING_S:.0f} s"
    epochs = 5

    def inject(self, outside: Outside) -> None:
        """Start it."""
        self.strike()
        self.start_fold(outside.folder, outside.brains)

    def step(self, outside: Outside, since_s: float) -> None:
        """End it after ``OTHER_TRAINING_S``."""
        if since_s >= OTHER_TRAINING_S:
            self.relieve()


class GroupFrozen(Fault):
    """As by ``docker pause`` or ``scontrol suspend``; Holter is not in the freezer."""

    name = "cgroup-frozen"
    summary = "the control group that the training is in is frozen"
    cause: str | None = "frozen-cgroup"
    _group: FreezerGroup | None = None

    def needs(self) -> str | None:
        """Require a usable freezer."""
        return needs_freezer()

    def inject(self, outside: Outside) -> None:
        """Move the processes into a group and freeze it."""
        self._group = FreezerGroup(self.pids(outside))
        self.strike()
        self._group.freeze()

    def pids(self, outside: Outside) -> list[int]:
        """Return the processes to freeze."""
        assert outside.main is not None
        return [outside.main.pid, *(child.pid for child in outside.main.children(recursive=True))]

    def relieve(self) -> None:
        """Thaw the group: a frozen process cannot be killed."""
        if self._group is not None:
            self._group.thaw()
        super().relieve()

    def undo(self) -> None:
        """Remove the group."""
        super().undo()
        if self._group is not None:
            self._group.remove()


class OtherGroupFrozen(GroupFrozen, WithOthers):
    """The frozen processes have the same names as ours, but are not of this training."""

    name = "other-group-frozen"
    summary = "another Python program on the machine is in a freezer"
    cause = None
    epochs = 3

    def pids(self, outside: Outside) -> list[int]:
        """Start a program."""
        return [self.start([sys.executable, "-c", "while True: pass"])]


class ClockChanges(Fault):
    """Base: sets the wall clock of the training and of Holter. Monotonic clocks never jump."""

    def needs(self) -> str | None:
        """Require a compiler: the clock is a small C library."""
        return needs_compiler()

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Build the clock."""
        self.clock = WallClock(stage.folder)
        return {**super().prepare(stage), **self.clock.variables}


class ClockJumps(ClockChanges):
    """As when the clock is set by hand, or a virtual machine is moved."""

    summary = f"the wall clock is an hour ahead for {JUMPED_S:.0f} s, then jumps back"
    is_temporary = True

    def inject(self, outside: Outside) -> None:
        """Set it ahead by an hour."""
        self.strike()
        self.clock.set_ahead(JUMP_S)

    def step(self, outside: Outside, since_s: float) -> None:
        """Set it back."""
        if since_s >= JUMPED_S and self.over_at is None:
            self.clock.set_ahead(0)
            self.repaired()


class ClockSetBack(ClockChanges):
    """As on a machine that reaches its time server late; nnU-Net's log reports an epoch of minus an hour."""

    name = "clock-set-back"
    summary = "the wall clock is set back by an hour in the middle of an epoch"
    epochs = 4

    def inject(self, outside: Outside) -> None:
        """Set it back."""
        self.strike()
        self.clock.set_ahead(-JUMP_S)


class ClockBackFrozen(ClockChanges, FromDemo):
    """As when a laptop reaches its time server at that moment."""

    name = "clock-back-frozen"
    summary = f"a data worker is stopped, and {BACK_AFTER_S:.0f} s later the wall clock is set back by an hour"
    cause = "frozen-worker"
    acts = True
    _is_back = False

    def step(self, outside: Outside, since_s: float) -> None:
        """Set it back."""
        if since_s >= BACK_AFTER_S and not self._is_back:
            self._is_back = True
            self.clock.set_ahead(-JUMP_S)


FAULTS = (OtherJobs, GroupFrozen, partial(ClockBackFrozen, FreezeWorker))
HEALTHY = (
    BusyNeighbour,
    OtherTraining,
    OtherGroupFrozen,
    ClockSetBack,
    partial(ClockJumps, name="clock-jumps", epochs=5),
)
CAMPAIGN = (partial(ClockJumps, name="clock-jump"),)
