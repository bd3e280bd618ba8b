"""Data workers that are stopped, end, raise or wait; export workers that are killed while they work on a case."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks.faults.fault import TRAINERS, Armed, Fault, FromDemo, Stage
from benchmarks.faults.memory import OutOfMemory
from benchmarks.faults.outside import Outside
from holter.demo.faults.lost_export import Hunt
from holter.demo.faults.signals import FreezeWorker

LATER_S = 1.0
HUNT_EVERY_S = 0.05  # the first case takes an export worker seconds


class FrozenAndKilled(Fault):
    """Two victims with two causes: the kill ends the training; Holter must name the right PID."""

    name = "frozen-and-killed"
    summary = "a data worker gets SIGSTOP, another one SIGKILL a second later"
    cause = "worker-killed"
    also = ("frozen-worker",)
    acts = True

    def inject(self, outside: Outside) -> None:
        """Stop the first worker."""
        first, second = outside.train_workers()[:2]
        self.victims = {"frozen-worker": first, "worker-killed": second}
        self.strike()
        os.kill(first, signal.SIGSTOP)

    def step(self, outside: Outside, since_s: float) -> None:
        """Kill the second worker."""
        if since_s >= LATER_S and len(self.struck) == 1:
            self.strike()
            os.kill(self.victims["worker-killed"], signal.SIGKILL)


class RaisesOnce(Armed):
    """One read fails, once. Stock nnU-Net ends; the last message is from the main process."""

    summary = "a data worker raises an exception, once: one bad read"
    promise = "goes-on"
    in_epoch = True

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Set the folder of the trainer; the campaign does not."""
        return {**super().prepare(stage), "nnUNet_extTrainer": str(TRAINERS)}

    def wrap_training(self, command: Sequence[str]) -> list[str]:
        """Select the trainer."""
        return [*command, "-tr", "nnUNetTrainerBadReadOnce"]


class ExportFault(Fault):
    """Base: an export worker is killed while it works on a case, by SIGKILL unless ``hit`` is overridden."""

    validates = True
    when = "final-validation"  # from the first prediction on; then a thread waits for the right moment

    def meet(self, pid: int) -> None:
        """Hit this worker."""
        self.strike()
        self.hit(pid)

    def hit(self, pid: int) -> None:
        """Kill the export worker."""
        os.kill(pid, signal.SIGKILL)

    def why_without_effect(self) -> str | None:
        """Tell whether such a worker was found in time."""
        return super().why_without_effect() if self.struck else "no export worker was seen at work"


class LostResult(ExportFault):
    """The main process waits for its last results. The pool starts a new worker, and this result never comes."""

    name = "export-sigkill"
    summary = "an export worker of the final validation is killed: its result never comes"
    cause = "export-lost-result-hang"
    acts = True
    epochs = 1
    iterations = 10
    watch_s = 75.0  # the standstill detector allows 45 s without progress in the final validation
    _hunt: Hunt | None = None

    def inject(self, outside: Outside) -> None:
        """Start to wait for the moment."""
        assert outside.main is not None
        self._hunt = Hunt(outside.main.pid, self.meet)

    def relieve(self) -> None:
        """Stop waiting."""
        if self._hunt is not None:
            self._hunt.end()


class LostResultOutOfMemory(OutOfMemory, LostResult):
    """Its memory group is made too small for a case."""

    name = "export-oom"
    summary = "an export worker of the final validation runs out of memory"
    cause = "export-ram-oom"
    also = ("export-lost-result-hang",)


class ExportKilled(ExportFault):
    """The first case that a worker has, with and without Holter."""

    name = "export-worker-sigkill"
    summary = "an export worker that works on a case is killed in the final validation"
    promise = "goes-on"

    def __init__(self) -> None:
        super().__init__()
        self._over = threading.Event()

    def inject(self, outside: Outside) -> None:
        """Start to wait for a worker with a case."""
        threading.Thread(target=self._look, args=(outside,), daemon=True).start()

    def _look(self, outside: Outside) -> None:
        while not self._over.wait(HUNT_EVERY_S):
            for pid in outside.export_workers():
                if _has_case(pid):
                    self.meet(pid)
                    return

    def relieve(self) -> None:
        """Stop waiting."""
        self._over.set()


class ExportOutOfMemory(OutOfMemory, ExportKilled):
    """The OOM killer kills it."""

    name = "export-oom"
    summary = "an export worker that works on a case is OOM-killed"


def _has_case(pid: int) -> bool:
    # A spawned worker loads torch when it unpacks its first case, not before.
    try:
        return "libtorch_cpu" in Path(f"/proc/{pid}/maps").read_text()
    except OSError:
        return False


FAULTS = (
    FrozenAndKilled,
    LostResult,
    LostResultOutOfMemory,
    partial(
        FromDemo,
        FreezeWorker,
        name="worker-sigstop",
        summary="a data worker is stopped while the training waits for its tensor",
        cause="frozen-worker",
        acts=True,
        promise="goes-on",
        in_epoch=True,
    ),
    partial(RaisesOnce, name="worker-raises", cause="worker-exception", acts=True),
    partial(
        Armed,
        name="worker-leaves",
        summary="a library ends the data worker by os._exit(0)",
        cause="worker-exited",
        acts=True,
        trainer="nnUNetTrainerWorkerLeaves",
    ),
    partial(  # a worker runs normally until it needs the lock, which is never released in a child
        Armed,
        name="forked-lock",
        summary="every data worker waits for a lock that was held when it was forked",
        cause="fork-lock-deadlock",
        acts=True,
        trainer="nnUNetTrainerForkedLock",
    ),
)
CAMPAIGN = (partial(RaisesOnce, name="worker-exception"), ExportKilled, ExportOutOfMemory)
