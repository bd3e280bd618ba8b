"""Data and export workers that die, freeze, or raise."""

from __future__ import annotations

# ruff: noqa: ARG002 -- every fault gets the same arguments
import contextlib
import os
import resource
import signal
import threading
from pathlib import Path

from benchmarks.faults.outside import Outside, Printed
from benchmarks.faults.tools.memory_group import MemoryGroup, find_memory
from benchmarks.survival.fault import Fault, FromDemo, Stage
from holter.demo.faults.freeze_worker import FreezeWorker
from holter.errors import DemoFailed

TRAINERS = Path(__file__).parents[1] / "faults" / "trainers"
BAD_READ_TRAINER = "nnUNetTrainerBadReadOnce"  # in TRAINERS
BAD_READ_FILE = "SURVIVAL_BAD_READ"  # environment variable with the file that arms it
OUT_OF_MEMORY_BYTES = 4 << 20  # less than a worker needs for one case
DESCRIPTORS_LEFT = 1
DESCRIPTORS_S = 10.0
HUNT_EVERY_S = 0.05  # the first case takes an export worker seconds


class WorkerFault(Fault):
    """Something happens to the first data worker."""

    promise = "goes-on"
    in_epoch = True

    def inject(self, outside: Outside) -> None:
        """Break it."""
        workers = outside.train_workers()
        if not workers:
            raise DemoFailed("the training has no data worker")
        self.strike()
        self.hit(workers)

    def hit(self, workers: list[int]) -> None:
        """Break one or all."""
        raise NotImplementedError


class WorkerSignal(WorkerFault):
    """A signal to a worker."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__()
        self.name = f"worker-{number.name.lower()}"
        self.summary = f"a data worker gets {number.name}"
        self._number = number

    def hit(self, workers: list[int]) -> None:
        """Send it to the first worker."""
        os.kill(workers[0], self._number)


class WorkerFrozen(FromDemo):
    """SIGSTOP to a worker that has announced tensors."""

    name = "worker-sigstop"
    summary = "a data worker is stopped while the training waits for its tensor"
    promise = "goes-on"
    in_epoch = True

    def __init__(self) -> None:
        super().__init__(FreezeWorker())


class AllFrozen(WorkerFault):
    """SIGSTOP to all."""

    name = "workers-sigstop-all"
    summary = "all workers of the training loader are stopped"

    def hit(self, workers: list[int]) -> None:
        """Stop all of them."""
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)


class BothLoadersFrozen(AllFrozen):
    """SIGSTOP to the workers of both loaders."""

    name = "workers-sigstop-both"
    summary = "all workers of both loaders, for training and for validation, are stopped"

    def inject(self, outside: Outside) -> None:
        """Stop the workers of both loaders."""
        self.strike()
        self.hit(outside.data_workers())


class WorkerRaises(WorkerFault):
    """One read fails, once."""

    name = "worker-exception"
    summary = "a data worker raises an exception, once: one bad read"

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Select a trainer whose transforms look for a file."""
        self._file = stage.folder / "bad-read"
        return {"nnUNet_extTrainer": str(TRAINERS), BAD_READ_FILE: str(self._file)}

    def wrap_training(self, command: list[str]) -> list[str]:  # type: ignore[override]
        """Select that trainer."""
        return [*command, "-tr", BAD_READ_TRAINER]

    def hit(self, workers: list[int]) -> None:
        """Create the file."""
        del workers
        self._file.touch()


class WorkerOutOfMemory(WorkerFault):
    """The kernel's OOM killer, in a control group."""

    name = "worker-oom"
    summary = "a data worker is OOM-killed"

    def __init__(self) -> None:
        super().__init__()
        self._group: MemoryGroup | None = None

    def needs(self) -> str | None:
        """Require a memory controller."""
        return None if find_memory() else "no control group with a memory limit can be made here"

    def hit(self, workers: list[int]) -> None:
        """Limit the memory of the first worker."""
        parent = find_memory()
        assert parent is not None
        self._group = MemoryGroup(parent, OUT_OF_MEMORY_BYTES)
        self._group.add(workers[0])

    def undo(self) -> None:
        """Remove the group."""
        if self._group is not None:
            self._group.remove()


class DescriptorLimit(WorkerFault):
    """The main process may open no more files for a while; every tensor of a worker needs one."""

    name = "descriptor-limit"
    summary = "the main process has used up its file descriptors for ten seconds"
    in_epoch = False
    is_temporary = True

    def inject(self, outside: Outside) -> None:
        """Lower the soft limit to the number of open files."""
        assert outside.main is not None
        self._pid = outside.main.pid
        self._before = resource.prlimit(self._pid, resource.RLIMIT_NOFILE)
        self._main = outside.main
        self.strike()
        limit = outside.main.num_fds() + DESCRIPTORS_LEFT
        resource.prlimit(self._pid, resource.RLIMIT_NOFILE, (limit, self._before[1]))

    def step(self, outside: Outside, since_s: float) -> None:
        """Raise it again."""
        if since_s >= DESCRIPTORS_S and self.over_at is None:
            self.repaired()
            with contextlib.suppress(OSError):
                if self._main.is_running():
                    resource.prlimit(self._pid, resource.RLIMIT_NOFILE, self._before)


class ExportWorkerKilled(WorkerFault):
    """SIGKILL to an export worker that works on a case."""

    name = "export-worker-sigkill"
    summary = "an export worker that works on a case is killed in the final validation"
    in_epoch = False
    validates = True

    def __init__(self) -> None:
        super().__init__()
        self._over = threading.Event()

    def is_time(self, outside: Outside, printed: Printed) -> bool:
        """Start with the first prediction."""
        return printed.validates

    def inject(self, outside: Outside) -> None:
        """Start to wait for a worker with a case."""
        threading.Thread(target=self._hunt, args=(outside,), daemon=True).start()

    def _hunt(self, outside: Outside) -> None:
        while not self._over.wait(HUNT_EVERY_S):
            for pid in outside.export_workers():
                if _has_case(pid):
                    self.strike()
                    self.hit([pid])
                    return

    def hit(self, workers: list[int]) -> None:
        """Kill it."""
        os.kill(workers[0], signal.SIGKILL)

    def relieve(self) -> None:
        """Stop waiting."""
        self._over.set()


class ExportOutOfMemory(ExportWorkerKilled):
    """The OOM killer kills an export worker."""

    name = "export-oom"
    summary = "an export worker that works on a case is OOM-killed"

    def __init__(self) -> None:
        super().__init__()
        self._memory = WorkerOutOfMemory()

    def needs(self) -> str | None:
        """Require a memory controller."""
        return self._memory.needs()

    def hit(self, workers: list[int]) -> None:
        """Limit its memory."""
        self._memory.hit(workers)

    def undo(self) -> None:
        """Remove the group."""
        self._memory.undo()


def _has_case(pid: int) -> bool:
    # A spawned worker loads torch when it unpacks its first case, not before.
    try:
        return "libtorch_cpu" in Path(f"/proc/{pid}/maps").read_text()
    except OSError:
        return False
