"""The real faults of ``holter demo``; every fault is undone, even after an error."""

from __future__ import annotations

from holter.demo.faults.cpu_quota import CpuQuota
from holter.demo.faults.damaged import TruncatedFile, WorkerException
from holter.demo.faults.fault import Context, DemoFault, Worker, prepared
from holter.demo.faults.lost_export import LostExport
from holter.demo.faults.signals import FreezeThenKill, FreezeWorker, KillMain, KillWorker
from holter.demo.faults.slow_disk import SlowDisk
from holter.demo.faults.vgpu_licence import VgpuLicence
from holter.errors import BadInput
from holter.sentences import NOTHING_STARTED, define

NO_FAULT = define("error.demo.no-fault", "There is no fault {name}; there are {names}.")
MORE_FAULTS = define(
    "next.more-faults",
    "holter demo --help; many more are in the fault lab of a checkout: python -m benchmarks.faultlab --list",
)

FAULTS: tuple[DemoFault, ...] = (
    FreezeThenKill(),
    FreezeWorker(),
    KillWorker(),
    KillMain(),
    SlowDisk(),
    CpuQuota(),
    TruncatedFile(),
    WorkerException(),
    LostExport(),
    VgpuLicence(),
    DemoFault(),
)

__all__ = ["FAULTS", "Context", "DemoFault", "Worker", "find_fault", "prepared"]


def find_fault(name: str) -> DemoFault:
    """Return the fault of that name.

    Raises:  BadInput, which lists the existing names.
    """
    for fault in FAULTS:
        if fault.name == name:
            return fault
    names = tuple(fault.name for fault in FAULTS)
    raise BadInput(NO_FAULT(name=repr(name), names=names), safe=NOTHING_STARTED(), next_step=MORE_FAULTS())
