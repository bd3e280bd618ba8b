"""Memory that is full, refused, or taken by other processes; a full /dev/shm."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from benchmarks.faults.fault import Armed, Fault, Stage
from benchmarks.faults.machine import WithOthers
from benchmarks.faults.outside import Outside
from benchmarks.faults.results import Filler
from benchmarks.faults.tools.memory_group import MemoryGroup, find_memory
from benchmarks.faults.tools.preload import build, needs_compiler
from holter.demo.prepare import CONFIGURATION, DATASET_NAME
from holter.errors import DemoFailed

TOO_LITTLE_BYTES = 4 << 20  # less than a worker needs for one case
LEAK_BYTES = 3 << 30  # main process and workers take a good gigabyte of it
SQUEEZED_BYTES = 2 << 30  # main process and workers take a good gigabyte of it, the data set 0.35
LEFT_BYTES = 120 << 20  # for cached files: a third of the data set
DISK_BYTES_PER_S = 6 << 20  # a busy file server's share; a batch of this data is about 4 MB
BLKIO = Path("/sys/fs/cgroup/blkio")
# Joins the groups, reads the data set once, then becomes the training under the same PID.
ENTER = (
    'echo $$ > "$0" && cat "$1"/* > /dev/null && echo $$ > "$2/cgroup.procs"'
    ' && echo "$3" > "$2/blkio.throttle.read_bps_device" && shift 3 && exec "$@"'
)
SHM_SIZE = "64m"  # three workers have some megabytes in flight
SHM_LASTS_S = 20.0  # ready batches are enough for some seconds
REFILL_S = 0.002  # faster than the next worker uses the space of a freed tensor


class WithMemoryGroup(Fault):
    """Base: uses a control group with a memory limit."""

    _group: MemoryGroup | None = None

    def needs(self) -> str | None:
        """Require a memory controller."""
        return None if find_memory() else "no control group with a memory limit can be made here"

    def make_group(self, limit_bytes: int) -> MemoryGroup:
        """Create the group."""
        parent = find_memory()
        assert parent is not None
        self._group = MemoryGroup(parent, limit_bytes)
        return self._group

    def undo(self) -> None:
        """Remove the group."""
        super().undo()
        if self._group is not None:
            self._group.remove()


class OutOfMemory(WithMemoryGroup):
    """Base: one process is OOM-killed."""

    def hit(self, pid: int) -> None:
        """Limit its memory to less than one case needs."""
        self.make_group(TOO_LITTLE_BYTES).add(pid)

    def why_without_effect(self) -> str | None:
        """Ask the kernel whether it killed anything there."""
        if self._group is not None and self._group.kills() == 0:
            return "nothing was OOM-killed in the group that was made too small"
        return super().why_without_effect()


class WorkerOutOfMemory(OutOfMemory):
    """The first data worker, in a memory group of its own."""

    name = "worker-oom"
    summary = "a data worker is OOM-killed"
    cause = "ram-oom-train-worker"
    acts = True
    promise = "goes-on"
    in_epoch = True

    def inject(self, outside: Outside) -> None:
        """Limit its memory."""
        workers = outside.train_workers()
        if not workers:
            raise DemoFailed("the training has no data worker")
        self.strike()
        self.hit(workers[0])


class InGroup(WithMemoryGroup):
    """Base: the training runs in such a group."""

    limit_bytes = 0

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Create the group."""
        self.make_group(self.limit_bytes)
        return super().prepare(stage)

    def wrap_training(self, command: Sequence[str]) -> list[str]:
        """Start the training in it."""
        assert self._group is not None
        return self._group.start(command)


class MemoryLeak(InGroup, Armed):
    """As in a container or a job with a memory limit."""

    name = "memory-leak"
    summary = "data workers leak 200 MB a case until the container's memory is full"
    cause = "ram-oom-train-worker"
    acts = True
    trainer = "nnUNetTrainerWorkerLeaks"
    limit_bytes = LEAK_BYTES


class MemoryTaken(InGroup, WithOthers):
    """The data set is small and stays cached; 94 % of the limit are in use, and that is no fault."""

    name = "memory-taken"
    summary = "other processes of the container take its memory, all but 120 MB; the training is as fast as before"
    epochs: int | None = 5
    limit_bytes = SQUEEZED_BYTES

    def needs(self) -> str | None:
        """Require a control group for memory, v1."""
        parent = find_memory()
        if parent is None or not (parent / "memory.limit_in_bytes").exists():
            return "no control group (v1) with a memory limit can be made here"
        return None

    def inject(self, outside: Outside) -> None:
        """Let another process take the memory."""
        assert self._group is not None
        self.strike()
        folder = self._group.members.parent
        hog = [sys.executable, "-m", "benchmarks.faults.tools.memory_hog", str(folder), str(LEFT_BYTES)]
        self.start(self._group.start(hog))


class CacheSqueezed(MemoryTaken):
    """As on a node with a slow disk where several jobs share one memory limit; no process is killed."""

    name = "cache-squeezed"
    summary = "other processes of the container take its memory, and the data set does not stay cached; no OOM kill"
    cause = "cgroup-page-cache-pressure"
    gradual = True
    epochs = None
    watch_s = 200.0
    limit_s = 420.0
    _blkio: Path | None = None

    def needs(self) -> str | None:
        """Require control groups for memory and for reading, v1."""
        if super().needs() is None and not os.access(BLKIO, os.W_OK):
            return "no control group (v1) can be made here that limits the reading from a disk"
        return super().needs()

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Create a data set that keeps a disk busy, with nothing cached."""
        data, variables = stage.copy_data()
        self._cases = data / DATASET_NAME / f"nnUNetPlans_{CONFIGURATION}"
        subprocess.run([sys.executable, "-m", "benchmarks.faults.tools.large_data", str(self._cases)], check=True)
        os.sync()
        for file in self._cases.iterdir():
            with file.open("rb") as open_file:
                os.posix_fadvise(open_file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        self._blkio = BLKIO / f"holter-lab-{os.getpid()}"
        self._blkio.mkdir()
        return {**super().prepare(stage), **variables}

    def wrap_training(self, command: Sequence[str]) -> list[str]:
        """Start inside the groups, with the data set in memory and a slow disk below."""
        assert self._group is not None
        device = self._cases.stat().st_dev
        disk = f"{os.major(device)}:{os.minor(device)} {DISK_BYTES_PER_S}"
        return ["/bin/sh", "-c", ENTER, str(self._group.members), str(self._cases), str(self._blkio), disk, *command]

    def undo(self) -> None:
        """Remove the groups."""
        super().undo()
        if self._blkio is not None:
            self._blkio.rmdir()


class AllocatorFails(Armed):
    """As with strict overcommit, or an allocator with a limit of its own (jemalloc, tcmalloc)."""

    name = "allocator-fails"
    summary = "malloc returns NULL for blocks of 256 KiB and more, though memory is free"
    cause = "memory-refused"
    acts = True

    def needs(self) -> str | None:
        """Require a compiler."""
        return needs_compiler()

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Build the library."""
        self._library = build("failing_malloc", stage.folder)
        return super().prepare(stage)

    def wrap_training(self, command: Sequence[str]) -> list[str]:
        """Preload it into the training, not into Holter."""
        return ["env", f"LD_PRELOAD={self._library}", f"FAILING_MALLOC_FILE={self.arm}", *command]


class ShmFull(Fault):
    """No space in /dev/shm, through which workers pass their tensors: SIGBUS, or an exception."""

    name = "shm-full"
    summary = f"/dev/shm is full for {SHM_LASTS_S:.0f} s"
    cause = "shm-too-small"
    acts = True
    promise = "goes-on"
    is_temporary = True

    def needs(self) -> str | None:
        """Require a mount namespace."""
        if os.geteuid() != 0 or shutil.which("unshare") is None:
            return "a mount namespace needs root and unshare"
        trial = subprocess.run(self.wrap(["true"]), check=False, capture_output=True, text=True)
        return f"no mount namespace can be made: {trial.stderr.strip()}" if trial.returncode else None

    def wrap(self, command: Sequence[str]) -> list[str]:
        """Run in a namespace with a /dev/shm of its own."""
        script = f'mount -t tmpfs -o size={SHM_SIZE} holter-survival /dev/shm && exec "$@"'
        return ["unshare", "-m", "sh", "-c", script, "sh", *command]

    def inject(self, outside: Outside) -> None:
        """Fill it through /proc/PID/root, and keep filling whatever a used tensor frees."""
        self.strike()
        self._filler = Filler(Path(f"/proc/{outside.leader}/root/dev/shm/filler"))
        self._filler.fill()
        self._over = threading.Event()
        self._keeper = threading.Thread(target=self._keep_full, daemon=True)
        self._keeper.start()

    def _keep_full(self) -> None:
        while not self._over.wait(REFILL_S):
            with contextlib.suppress(OSError):
                self._filler.fill()

    def step(self, outside: Outside, since_s: float) -> None:
        """Free the space after a while."""
        if since_s >= SHM_LASTS_S and self.over_at is None:
            self.relieve()

    def relieve(self) -> None:
        """Free the space."""
        if self.struck and self.over_at is None:
            self._over.set()
            self._keeper.join()
            self._filler.remove()
        self.repaired()


FAULTS = (WorkerOutOfMemory, MemoryLeak, CacheSqueezed, AllocatorFails, ShmFull)
HEALTHY = (MemoryTaken,)
