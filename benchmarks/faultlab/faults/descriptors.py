"""The main process may open no more files; every tensor of a worker needs one."""

from __future__ import annotations

from benchmarks.faultlab.fault import Fault
from benchmarks.faults.outside import Outside
from benchmarks.survival.worker_faults import DescriptorLimit


class Descriptors(Fault, DescriptorLimit):
    """As with a low ulimit after many epochs."""

    name = "descriptors"
    summary = "the main process has used up its file descriptors"
    cause = "fd-exhaustion"
    acts = True

    def step(self, outside: Outside, since_s: float) -> None:
        """Do nothing: the limit stays."""


SCENARIO = Descriptors
