"""All faults. A new fault is one more line here."""

from __future__ import annotations

import signal
from collections.abc import Callable

from benchmarks.survival.clock_jump import ClockJump
from benchmarks.survival.fault import Fault
from benchmarks.survival.machine_faults import Licence, LogRotated, MachineStopped, Quota, SupervisorKilled
from benchmarks.survival.main_faults import KilledWhileSaving, MainKilled, TornAll, TornNewest
from benchmarks.survival.storage_faults import DiskFull, ReadOnly, ShmFull, SlowThenHung
from benchmarks.survival.worker_faults import (
    AllFrozen,
    BothLoadersFrozen,
    DescriptorLimit,
    ExportOutOfMemory,
    ExportWorkerKilled,
    WorkerFrozen,
    WorkerOutOfMemory,
    WorkerRaises,
    WorkerSignal,
)
from holter.errors import BadInput

Make = Callable[[], Fault]

FAULTS: dict[str, Make] = {
    make().name: make
    for make in (
        lambda: WorkerSignal(signal.SIGKILL),
        WorkerFrozen,
        AllFrozen,
        BothLoadersFrozen,
        lambda: WorkerSignal(signal.SIGSEGV),
        lambda: WorkerSignal(signal.SIGBUS),
        WorkerRaises,
        WorkerOutOfMemory,
        ShmFull,
        DescriptorLimit,
        MainKilled,
        KilledWhileSaving,
        TornNewest,
        TornAll,
        DiskFull,
        ReadOnly,
        SlowThenHung,
        Quota,
        ExportWorkerKilled,
        ExportOutOfMemory,
        MachineStopped,
        SupervisorKilled,
        LogRotated,
        ClockJump,
        Licence,
    )
}
# In --quick: these, and only two of them without Holter.
QUICK = ("worker-sigkill", "worker-sigstop", "main-sigkill", "torn-newest", "export-worker-sigkill")
QUICK_STOCK = ("worker-sigkill", "worker-sigstop")
# On the second data set: one of each kind.
CORE = ("worker-sigkill", "worker-sigstop", "main-sigkill", "torn-newest", "export-worker-sigkill")


def find(name: str) -> Make:
    """Return the fault of that name.

    Raises:  BadInput.
    """
    if name not in FAULTS:
        raise BadInput(f"there is no fault {name!r}", next_step="python -m benchmarks.survival --list")
    return FAULTS[name]
