"""Every process is stopped for a while, Holter's too, as when a laptop sleeps."""

from __future__ import annotations

from benchmarks.faultlab.fault import Healthy
from benchmarks.survival.machine_faults import MachineStopped


class MachineSuspended(Healthy, MachineStopped):
    """Nobody looked meanwhile, so nothing was missed."""

    name = "machine-suspended"


SCENARIO = MachineSuspended
