"""Faults of the machine, of Holter itself, or of no process: most of them must not lead to an action."""

from __future__ import annotations

# ruff: noqa: ARG002 -- every fault gets the same arguments
import contextlib
import signal

import psutil

from benchmarks.faults.outside import Outside, session
from benchmarks.survival.fault import Fault, FromDemo
from holter.demo.faults.cpu_quota import CpuQuota
from holter.demo.faults.vgpu_licence import VgpuLicence

STOPPED_S = 20.0


class Quota(FromDemo):
    """A quarter of a core for all processes."""

    name = "cpu-quota"
    summary = "the CPU quota is cut to a quarter of a core for a while: slow is not broken"
    lasts_s = 30.0

    def __init__(self) -> None:
        super().__init__(CpuQuota())


class Licence(FromDemo):
    """The vGPU's licence is lost, and comes back. SIMULATED."""

    name = "vgpu-licence"
    summary = "(simulated GPU) the vGPU's licence is lost, then returns"
    promise = "waits"
    lasts_s = 40.0

    def __init__(self) -> None:
        super().__init__(VgpuLicence())


class MachineStopped(Fault):
    """Every process is stopped, including Holter's, as when a laptop sleeps or a virtual machine is moved."""

    name = "machine-stop"
    summary = f"all processes are stopped for {STOPPED_S:.0f} s, Holter included"
    is_temporary = True

    def inject(self, outside: Outside) -> None:
        """Stop all."""
        self._stopped = session(outside.leader)
        self.strike()
        self._send(signal.SIGSTOP)

    def step(self, outside: Outside, since_s: float) -> None:
        """Continue all after ``STOPPED_S``."""
        if since_s >= STOPPED_S and self.over_at is None:
            self._send(signal.SIGCONT)
            self.repaired()

    def _send(self, number: signal.Signals) -> None:
        for process in self._stopped:
            with contextlib.suppress(psutil.Error):
                process.send_signal(number)


class SupervisorKilled(Fault):
    """SIGKILL to ``holter run``: the training must not notice."""

    name = "supervisor-sigkill"
    summary = "holter run itself is killed"
    stock = False

    def inject(self, outside: Outside) -> None:
        """Kill it."""
        self.strike()
        psutil.Process(outside.leader).send_signal(signal.SIGKILL)


class LogRotated(Fault):
    """The training log is moved away while it is written."""

    name = "log-rotation"
    summary = "the training log is moved away, as logrotate does"

    def inject(self, outside: Outside) -> None:
        """Move the log."""
        assert outside.fold is not None
        self.strike()
        for log in outside.fold.glob("training_log_*.txt"):
            log.rename(log.with_name(log.name + ".1"))
