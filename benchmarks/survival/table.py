"""Faults of the campaign, in this order."""

from __future__ import annotations

from benchmarks.faults.catalogue import CAMPAIGN
from benchmarks.faults.catalogue import FAULTS as LAB
from benchmarks.faults.fault import Make
from holter.errors import BadInput

NAMES = (
    "worker-sigkill",
    "worker-sigstop",
    "workers-sigstop-all",
    "workers-sigstop-both",
    "worker-sigsegv",
    "worker-sigbus",
    "worker-exception",
    "worker-oom",
    "shm-full",
    "descriptor-limit",
    "main-sigkill",
    "main-sigkill-while-saving",
    "torn-newest",
    "torn-all",
    "disk-full",
    "results-read-only",
    "storage-slow-then-hung",
    "cpu-quota",
    "export-worker-sigkill",
    "export-oom",
    "machine-stop",
    "supervisor-sigkill",
    "log-rotation",
    "clock-jump",
    "vgpu-licence",
)
FAULTS: dict[str, Make] = {name: {**LAB, **CAMPAIGN}[name] for name in NAMES}
# On the second data set: one of each kind. In --quick these as well, and without Holter only two of them.
CORE = QUICK = ("worker-sigkill", "worker-sigstop", "main-sigkill", "torn-newest", "export-worker-sigkill")
QUICK_STOCK = ("worker-sigkill", "worker-sigstop")


def find(name: str) -> Make:
    """Return the function that makes a new object of that fault.

    Raises:  BadInput.
    """
    if name not in FAULTS:
        raise BadInput(f"there is no fault {name!r}", next_step="python -m benchmarks.survival --list")
    return FAULTS[name]
