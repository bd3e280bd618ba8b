"""Other processes in the container take its memory, so the cached data set is dropped and read repeatedly from disk."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.faultlab.fault import Fault
from benchmarks.faults.outside import Outside
from benchmarks.faults.tools.memory_group import MemoryGroup, find_memory
from benchmarks.survival.fault import Stage
from holter.demo.prepare import CONFIGURATION, DATASET_NAME

LIMIT_BYTES = 2 << 30  # main process and workers take a good gigabyte of it, the data set 0.35
LEFT_BYTES = 120 << 20  # for cached files: a third of the data set
DISK_BYTES_PER_S = 6 << 20  # a busy file server's share; a batch of this data is about 4 MB
BLKIO = Path("/sys/fs/cgroup/blkio")
# Joins the groups, reads the data set once, then becomes the training under the same PID.
ENTER = (
    'echo $$ > "$0" && cat "$1"/* > /dev/null && echo $$ > "$2/cgroup.procs"'
    ' && echo "$3" > "$2/blkio.throttle.read_bps_device" && shift 3 && exec "$@"'
)


class CacheSqueezed(Fault):
    """As on a node where several jobs share one memory limit; no process is killed."""

    name = "cache-squeezed"
    summary = "other processes of the container take its memory, and the data set does not stay cached; no OOM kill"
    cause = "cgroup-page-cache-pressure"
    gradual = True
    watch_s = 200.0
    limit_s = 420.0

    def __init__(self) -> None:
        super().__init__()
        self._group: MemoryGroup | None = None
        self._blkio: Path | None = None
        self._hog: subprocess.Popen[bytes] | None = None

    def needs(self) -> str | None:
        """Require control groups for memory and for reading, v1."""
        parent = find_memory()
        if parent is None or not (parent / "memory.limit_in_bytes").exists():
            return "no control group (v1) with a memory limit can be made here"
        if not os.access(BLKIO, os.W_OK):
            return "no control group (v1) can be made here that limits the reading from a disk"
        return None

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Create a data set that keeps a disk busy, with nothing cached."""
        data = stage.folder / "nnUNet_preprocessed"
        shutil.copytree(stage.brains.preprocessed, data)
        self._cases = data / DATASET_NAME / f"nnUNetPlans_{CONFIGURATION}"
        subprocess.run([sys.executable, "-m", "benchmarks.faults.tools.large_data", str(self._cases)], check=True)
        os.sync()
        for file in self._cases.iterdir():
            with file.open("rb") as open_file:
                os.posix_fadvise(open_file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        parent = find_memory()
        assert parent is not None
        self._group = MemoryGroup(parent, LIMIT_BYTES)
        self._blkio = BLKIO / f"holter-lab-{os.getpid()}"
        self._blkio.mkdir()
        return {"nnUNet_preprocessed": str(data)}

    def wrap_training(self, command: Sequence[str]) -> list[str]:
        """Start inside the groups, with the data set in memory and a slow disk below."""
        assert self._group is not None
        device = self._cases.stat().st_dev
        disk = f"{os.major(device)}:{os.minor(device)} {DISK_BYTES_PER_S}"
        return ["/bin/sh", "-c", ENTER, str(self._group.members), str(self._cases), str(self._blkio), disk, *command]

    def inject(self, outside: Outside) -> None:
        """Let another process take the memory."""
        assert self._group is not None
        self.strike()
        folder = self._group.members.parent
        hog = [sys.executable, "-m", "benchmarks.faults.tools.memory_hog", str(folder), str(LEFT_BYTES)]
        self._hog = subprocess.Popen(["/bin/sh", "-c", 'echo $$ > "$0" && exec "$@"', str(self._group.members), *hog])

    def relieve(self) -> None:
        """Release the memory."""
        if self._hog is not None:
            self._hog.kill()
            self._hog.wait()
            self._hog = None

    def undo(self) -> None:
        """Remove the groups."""
        self.relieve()
        if self._group is not None:
            self._group.remove()
        if self._blkio is not None:
            self._blkio.rmdir()


SCENARIO = CacheSqueezed
