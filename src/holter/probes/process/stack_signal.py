"""The stacks of a process from its own faulthandler, which the hook registers for a signal."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from holter.probes.process.kernel_threads import DEAD_STATES, KernelThreads
from holter.probes.process.stack_refusal import NO_ANSWER, NO_PROCESS, Refused
from holter.records import ThreadStack
from holter.sentences import define
from holter.texts.stacks import parse_faulthandler

# faulthandler writes within about a millisecond of the signal.
FAULT_DEADLINE_S = 1.0
# A dump of many threads is many writes: it is complete when the file has not grown for this long.
FAULT_SETTLED_S = 0.05
POLL_S = 0.01

_STOPPED_STATES = "Tt"

NOT_REGISTERED = define("stack.not-registered", "not registered in this process")
IS_STOPPED = define("stack.is-stopped", "process is stopped")
IS_TRACED = define("stack.is-traced", "a debugger is attached to the process")
NO_HANDLER = define("stack.no-handler", "the process has no handler for the signal")


class StackSignal:
    """Sends the signal only if the kernel confirms a handler for it: without one it would kill the process."""

    def __init__(
        self, scratch: Path | None, fault_signal: Callable[[int], int | None] | None, kernel: KernelThreads
    ) -> None:
        """``fault_signal``: PID -> the signal that the hook registered there, or None."""
        self._scratch = scratch
        self._fault_signal = fault_signal
        self._kernel = kernel

    def ask(self, pid: int) -> tuple[ThreadStack, ...]:
        """Return all Python threads of a process, each with its stack frames.

        Raises:  Refused, OSError.
        """
        number = self._fault_signal(pid) if self._fault_signal is not None else None
        if number is None or self._scratch is None:
            raise Refused(NOT_REGISTERED())
        file = stack_file(self._scratch, pid)
        # The descriptor pins the process: if another process got its PID, no signal is sent.
        descriptor = os.pidfd_open(pid)
        try:
            state = self._kernel.state(pid)
            if state is None or state in DEAD_STATES:
                raise Refused(NO_PROCESS())
            if state in _STOPPED_STATES:
                raise Refused(IS_STOPPED())
            if self._kernel.is_traced(pid):
                raise Refused(IS_TRACED())  # gdb would stop it, as at every signal
            if not self._kernel.catches(pid, number):
                raise Refused(NO_HANDLER())
            before_bytes = _size(file)
            signal.pidfd_send_signal(descriptor, signal.Signals(number))
        finally:
            os.close(descriptor)
        threads = parse_faulthandler(_what_was_added(file, before_bytes))
        if not threads:
            raise Refused(NO_ANSWER(within=FAULT_DEADLINE_S))
        return threads


def _what_was_added(file: Path, before_bytes: int) -> str:
    # Text written to the file after ``before_bytes``, once it has stopped growing; empty at the deadline.
    until = time.monotonic() + FAULT_DEADLINE_S
    size, grown_at = before_bytes, time.monotonic()
    while time.monotonic() < until:
        time.sleep(POLL_S)
        if (now := _size(file)) != size:
            size, grown_at = now, time.monotonic()
        elif size > before_bytes and time.monotonic() - grown_at >= FAULT_SETTLED_S:
            break
    try:
        with file.open("rb") as stream:
            stream.seek(before_bytes)
            return stream.read().decode(errors="replace")
    except OSError:
        return ""


def stack_file(scratch: Path, pid: int, proc: Path = Path("/proc")) -> Path:
    """Return the file into which a process appends its stacks on the signal.

    If the file was removed (a clean-up of /tmp), return its open descriptor in the process.
    """
    file = scratch / f"stacks-{pid}"
    if file.exists():
        return file
    try:
        descriptors = list((proc / str(pid) / "fd").iterdir())
    except OSError:
        return file
    return next((link for link in descriptors if _leads_to(link, f"{file} (deleted)")), file)


def _leads_to(link: Path, target: str) -> bool:
    try:
        return str(link.readlink()) == target
    except OSError:
        return False


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
