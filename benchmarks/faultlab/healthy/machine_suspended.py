"""Every process is stopped for a while, including Holter's, as when a laptop sleeps."""

from __future__ import annotations

from benchmarks.faultlab.fault import Healthy
from benchmarks.survival.machine_faults import MachineStopped


class MachineSuspended(Healthy, MachineStopped):
    """No process ran meanwhile, so Holter missed nothing."""

    name = "machine-suspended"


SCENARIO = MachineSuspended
