"""Signals: one table of the processes that get one, the signal, and its true cause."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Mapping
from functools import partial
from signal import SIGABRT, SIGBUS, SIGCONT, SIGHUP, SIGINT, SIGKILL, SIGSEGV, SIGSTOP, SIGTERM
from typing import Any, Literal

import psutil

from benchmarks.faults.fault import Fault, Make
from benchmarks.faults.outside import Outside, session
from holter.errors import DemoFailed

Victims = Literal["worker", "half", "workers", "both loaders", "main", "training", "holter", "all"]
PIDS: Mapping[Victims, Callable[[Outside], list[int]]] = {
    "worker": lambda outside: outside.train_workers()[:1],
    "half": lambda outside: outside.train_workers()[: len(outside.train_workers()) // 2],
    "workers": lambda outside: outside.train_workers(),
    "both loaders": lambda outside: outside.data_workers(),
    "main": lambda outside: [_main(outside).pid],
    "training": lambda outside: [process.pid for process in (_main(outside), *_main(outside).children(recursive=True))],
    "holter": lambda outside: [outside.leader],
    "all": lambda outside: [process.pid for process in session(outside.leader)],
}


def _main(outside: Outside) -> psutil.Process:
    assert outside.main is not None
    return outside.main


class Signalled(Fault):
    """A signal to processes of the run. Stopped ones continue after ``lasts_s``, or at the end of the run."""

    lasts_s: float | None = None

    def __init__(self, to: Victims, number: signal.Signals, **facts: Any) -> None:
        super().__init__(**facts)
        self._to: Victims = to
        self._number = number
        self._hit: list[psutil.Process] = []

    def inject(self, outside: Outside) -> None:
        """Send the signal."""
        for pid in PIDS[self._to](outside):
            with contextlib.suppress(psutil.NoSuchProcess):
                self._hit.append(psutil.Process(pid))
        if not self._hit:
            raise DemoFailed(f"there is no process to send {self._number.name} to: {self._to}")
        self.strike()
        self._send(self._number)

    def step(self, outside: Outside, since_s: float) -> None:
        """Continue them after ``lasts_s``."""
        if self.lasts_s is not None and since_s >= self.lasts_s:
            self.relieve()

    def relieve(self) -> None:
        """Continue them."""
        if self._number is SIGSTOP and self.over_at is None:
            self._send(SIGCONT)
            self.repaired()

    def _send(self, number: signal.Signals) -> None:
        for process in self._hit:
            with contextlib.suppress(psutil.Error):
                process.send_signal(number)


class Interrupted(Fault):
    """The training ends as requested."""

    name = "interrupted"
    summary = "a person ends the training with Ctrl-C"
    exit_codes = (130, -SIGINT)

    def inject(self, outside: Outside) -> None:
        """Send SIGINT to all, as a terminal does; Holter passes it on if only Holter gets it."""
        os.killpg(os.getpgid(outside.leader), SIGINT)


DEBUGGER_S, STOPPED_S, ASLEEP_S = 2.0, 15.0, 20.0
DEAD: dict[str, Any] = {"cause": "worker-killed", "acts": True}
REPLACED: dict[str, Any] = {"promise": "goes-on", "in_epoch": True}  # new workers are enough
KILLED, FROZEN = DEAD | REPLACED, {"cause": "frozen-worker", "acts": True} | REPLACED
ENDED = {"cause": "external-kill", "acts": True}
ASLEEP = {"lasts_s": ASLEEP_S, "is_temporary": True}
ALL_STOPPED = f"all processes are stopped for {ASLEEP_S:.0f} s, Holter included"


def _row(name: str, to: Victims, number: signal.Signals, summary: str, facts: Mapping[str, Any]) -> Make:
    return partial(Signalled, to, number, name=name, summary=summary, **facts)


FAULTS = (
    _row("worker-sigkill", "worker", SIGKILL, "a data worker gets SIGKILL", KILLED),
    _row("worker-sigsegv", "worker", SIGSEGV, "a data worker gets SIGSEGV", KILLED),  # a crash in native code
    _row("worker-sigbus", "worker", SIGBUS, "a data worker gets SIGBUS", KILLED),  # a mapped file became shorter
    _row("worker-sigabrt", "worker", SIGABRT, "a data worker gets SIGABRT", KILLED),  # a library aborts
    _row(
        "half-the-workers", "half", SIGKILL, "two of four data workers get SIGKILL",
        DEAD | {"variables": {"nnUNet_n_proc_DA": "4"}},
    ),
    _row("workers-sigstop", "workers", SIGSTOP, "all workers of the training loader are stopped", FROZEN),
    _row("main-sigkill", "main", SIGKILL, "the training's main process gets SIGKILL", ENDED),  # an administrator
    _row("main-sigterm", "main", SIGTERM, "the training's main process gets SIGTERM", ENDED),  # a scheduler, a shutdown
    _row("main-sighup", "main", SIGHUP, "the training's main process gets SIGHUP", ENDED),  # the terminal is closed
    _row(
        "main-sigstop", "main", SIGSTOP, "the training's main process gets SIGSTOP, its workers do not",
        {"cause": "main-stopped"},
    ),
)  # fmt: skip
HEALTHY = (
    Interrupted,
    _row("debugger", "worker", SIGSTOP, "a data worker is stopped for two seconds", {"lasts_s": DEBUGGER_S}),
    _row(
        "terminal-stopped", "training", SIGSTOP,
        f"the training and all its workers are stopped for {STOPPED_S:.0f} s, Holter is not",
        {"lasts_s": STOPPED_S, "is_temporary": True},  # Ctrl-Z, and fg later
    ),
    _row(
        "recorder-stopped", "holter", SIGSTOP, f"Holter itself is stopped for {STOPPED_S:.0f} s, the training is not",
        {"lasts_s": STOPPED_S, "epochs": 5},  # Holter has seen nothing meanwhile, and knows it
    ),
    _row("machine-suspended", "all", SIGSTOP, ALL_STOPPED, ASLEEP),  # no process ran, so Holter missed nothing
)  # fmt: skip
CAMPAIGN = (
    _row("workers-sigstop-all", "workers", SIGSTOP, "all workers of the training loader are stopped", REPLACED),
    _row(
        "workers-sigstop-both", "both loaders", SIGSTOP,
        "all workers of both loaders, for training and for validation, are stopped", REPLACED,
    ),
    _row("machine-stop", "all", SIGSTOP, ALL_STOPPED, ASLEEP),  # a laptop sleeps, a virtual machine is moved
    _row("supervisor-sigkill", "holter", SIGKILL, "holter run itself is killed", {"stock": False}),
)  # fmt: skip
