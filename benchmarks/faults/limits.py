"""Limits of a process (``ulimit``), from the beginning or suddenly: only the training has them, not Holter."""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from benchmarks.faults.fault import AlreadyThere, Fault
from benchmarks.faults.outside import Outside

CPU_S = 25  # the main process is the first to reach this limit
NEARLY_S = 1.0  # CPU seconds before the limit: at least half a second of wall time on two cores
DESCRIPTORS_LEFT = 1
DESCRIPTORS_S = 10.0


class UnderLimits(Fault):
    """A shell sets limits, then becomes the training under the same PID."""

    def __init__(self, *ulimits: str, **facts: Any) -> None:
        super().__init__(**facts)
        self._ulimits = ulimits

    def wrap_training(self, command: Sequence[str]) -> list[str]:
        """Set the limits."""
        limits = " && ".join(f"ulimit {words}" for words in self._ulimits)
        return ["/bin/sh", "-c", f'{limits} && exec "$0" "$@"', *command]


class Limited(UnderLimits, AlreadyThere):
    """A limit that is reached when the first batches are made."""

    cause = "process-limit"
    acts = True
    watch_s = 60.0

    def is_time(self, outside: Outside) -> bool:
        """Count from the first data workers; if there are none, from the end of the training."""
        return bool(outside.data_workers()) or (outside.main is not None and not outside.runs)


class LimitedTime(Limited):
    """Each process may use ``CPU_S`` of CPU, as a login node sets it for all users."""

    def is_time(self, outside: Outside) -> bool:
        """Count from shortly before the limit, or from the end of the process."""
        if outside.main is None:
            return False
        try:
            used = outside.main.cpu_times()
        except psutil.Error:
            return True
        return not outside.runs or used.user + used.system >= CPU_S - NEARLY_S


class SmallFiles(Limited):
    """Python ignores SIGXFSZ: the write fails with EFBIG, "File too large", and the file is truncated."""

    name = "limit-file-size"
    summary = "ulimit -f: no file may be larger than 250 KiB, and the checkpoint is"
    options = ("--save-every", "1")
    # Batches of workers are files too, in /dev/shm, and larger than the checkpoint of this small network.
    variables: Mapping[str, str] = {"nnUNet_n_proc_DA": "0"}

    def is_time(self, outside: Outside) -> bool:
        """Count from the end of the first epoch, which is saved then."""
        return bool(outside.printed().ended)


class NoMoreData(Fault):
    """``malloc`` and ``mmap`` fail with ENOMEM, though the machine has free memory."""

    name = "limit-data"
    summary = "RLIMIT_DATA is lowered to what the main process has: it is refused memory that is free"
    cause = "process-limit"
    acts = True

    def inject(self, outside: Outside) -> None:
        """Lower the soft limit."""
        assert outside.main is not None
        pid = outside.main.pid
        status = Path(f"/proc/{pid}/status").read_text()
        data_kib = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmData:"))
        _, hard = resource.prlimit(pid, resource.RLIMIT_DATA)
        self.strike()
        resource.prlimit(pid, resource.RLIMIT_DATA, (data_kib << 10, hard))


class Descriptors(Fault):
    """The main process may open no more files; every tensor of a worker needs one."""

    promise = "goes-on"
    is_temporary = True
    lasts_s: float | None = None

    def inject(self, outside: Outside) -> None:
        """Lower the soft limit to the number of open files."""
        assert outside.main is not None
        self._main = outside.main
        self._before = resource.prlimit(self._main.pid, resource.RLIMIT_NOFILE)
        self.strike()
        limit = self._main.num_fds() + DESCRIPTORS_LEFT
        resource.prlimit(self._main.pid, resource.RLIMIT_NOFILE, (limit, self._before[1]))

    def step(self, outside: Outside, since_s: float) -> None:
        """Raise it again after ``lasts_s``."""
        if self.lasts_s is not None and since_s >= self.lasts_s and self.over_at is None:
            self.repaired()
            with contextlib.suppress(OSError):
                if self._main.is_running():
                    resource.prlimit(self._main.pid, resource.RLIMIT_NOFILE, self._before)


FAULTS = (
    partial(  # as an old login node or a scheduler (h_vmem) sets it
        Limited,
        "-v 1700000",
        name="limit-address-space",
        summary="ulimit -v: each process of the training may map 1.7 GB, though memory is free",
    ),
    partial(  # imports and the first batches need about as many; each tensor of a worker needs one more
        Limited,
        "-n 48",
        name="limit-files-open",
        summary="ulimit -n 48: the training may have 48 files open",
        cause="fd-exhaustion",
    ),
    partial(  # the worker prints "unable to resize file: File too large" and continues
        Limited,
        "-f 400",  # blocks of 512 bytes; the shared memory of a batch is a file, too, and is larger
        name="limit-file-size-batches",
        summary="ulimit -f: no batch of a worker fits into shared memory, and the training waits in silence",
    ),
    partial(SmallFiles, "-f 500"),
    partial(  # ulimit -t sets the hard limit too: only the limit itself distinguishes this from a kill by hand
        LimitedTime,
        f"-t {CPU_S}",
        name="limit-cpu-time",
        summary=f"ulimit -t {CPU_S}: the kernel ends each process with SIGKILL after {CPU_S} s of CPU",
    ),
    partial(
        LimitedTime,
        f"-S -t {CPU_S}",
        name="limit-cpu-time-soft",
        summary=f"ulimit -S -t {CPU_S}: the kernel ends each process with SIGXCPU after {CPU_S} s of CPU",
    ),
    NoMoreData,
    partial(  # a low ulimit after many epochs
        Descriptors,
        name="descriptors",
        summary="the main process has used up its file descriptors",
        cause="fd-exhaustion",
        acts=True,
    ),
)
HEALTHY = (
    partial(  # four fifths of the descriptors are in use, and nothing is wrong
        UnderLimits,
        *("-n 64", "-v 3000000", "-f 1024", "-t 1000"),
        name="limits-not-met",
        summary="ulimit -n 64 -v 3 GB -f 512 KiB -t 1000: low limits, none of which is met",
    ),
)
CAMPAIGN = (
    partial(
        Descriptors,
        name="descriptor-limit",
        summary="the main process has used up its file descriptors for ten seconds",
        lasts_s=DESCRIPTORS_S,
    ),
)
