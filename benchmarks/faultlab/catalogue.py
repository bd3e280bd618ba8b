"""What the lab plays: all faults of the library and all healthy variations."""

from __future__ import annotations

from benchmarks.faults.catalogue import FAULTS, HEALTHY
from benchmarks.faults.fault import Fault
from holter.errors import BadInput

NEXT_STEP = "python -m benchmarks.faultlab --list"
# In --quick: one of each kind, and two that must stay silent.
QUICK = ("worker-sigkill", "worker-sigstop", "main-raises", "disk-hangs", "truncated-file", "cpu-quota")
QUICK_HEALTHY = ("clock-jumps", "machine-suspended")


def find(name: str) -> Fault:
    """Return a new object of the fault or variation of that name.

    Raises:  BadInput.
    """
    make = {**FAULTS, **HEALTHY}.get(name)
    if make is None:
        raise BadInput(f"there is no fault and no healthy variation {name!r}", next_step=NEXT_STEP)
    return make()
