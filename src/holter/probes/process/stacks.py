"""Stacks of all threads of some processes, read once, when something is wrong.

There are three ways, tried in this order: py-spy (reads the memory from outside, works on a stopped process), a
faulthandler signal (only if the hook registered one and the kernel confirms a handler: without one the signal kills
the process), and /proc (state, wait channel and system call of each thread).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Literal

from holter.probes.process.kernel_threads import DEAD_STATES, KernelThreads
from holter.probes.process.py_spy import PY_SPY_DEADLINE_S, PySpy, find_py_spy
from holter.probes.process.stack_refusal import NO_PROCESS, Refused, reason
from holter.probes.process.stack_signal import StackSignal
from holter.records import Role, StackDump, Text, ThreadStack
from holter.sentences import define

Rung = Literal["py-spy", "faulthandler", "proc", "none"]
Threads = tuple[ThreadStack, ...]

# Limit for one process tree; processes not reached by then get only the /proc rung.
SWEEP_DEADLINE_S = 30.0

REFUSED = define("stack.refused", "{rung}: {why}")


class StackDumper:
    """Dumps the stacks of processes, one PID at a time, synchronously or in a thread."""

    def __init__(
        self,
        *,
        scratch: Path | None = None,
        fault_signal: Callable[[int], int | None] | None = None,
        py_spy: Path | None = None,
        proc: Path = Path("/proc"),
        deadline_s: float = PY_SPY_DEADLINE_S,
    ) -> None:
        """``fault_signal``: PID -> the signal that the hook registered there, or None."""
        self._kernel = KernelThreads(proc)
        self._py_spy = PySpy(py_spy or find_py_spy(), deadline_s)
        self._signal = StackSignal(scratch, fault_signal, self._kernel)
        self._sweep: threading.Thread | None = None
        self._lock = threading.Lock()
        self._ready: list[StackDump] = []
        self._closed = False

    def dump(self, pids: Mapping[int, Role], t_s: float) -> tuple[StackDump, ...]:
        """Return the stacks of these processes, in their order. Blocks; each process has its own deadline."""
        until = time.monotonic() + SWEEP_DEADLINE_S
        return tuple(self._dump_one(pid, role, t_s, hurry=time.monotonic() > until) for pid, role in pids.items())

    def start(self, pids: Mapping[int, Role], t_s: float) -> bool:
        """Start to dump these processes in a thread; False if one is still dumping, or no thread can be started."""
        if self.busy or self._closed:
            return False
        self._sweep = threading.Thread(target=self._run, args=(dict(pids), t_s), name="stack-dumper", daemon=True)
        try:
            self._sweep.start()
        except RuntimeError:  # no more threads for this user
            return False
        return True

    @property
    def busy(self) -> bool:
        """Return whether the thread is still dumping."""
        return self._sweep is not None and self._sweep.is_alive()

    def collect(self) -> tuple[StackDump, ...]:
        """Return the dumps finished since the last call. Does not wait."""
        with self._lock:
            ready, self._ready = self._ready, []
        return tuple(ready)

    def close(self) -> None:
        """Stop dumping: kill a running py-spy, and dump no further process."""
        self._closed = True
        self._py_spy.close()

    def _run(self, pids: Mapping[int, Role], t_s: float) -> None:
        until = time.monotonic() + SWEEP_DEADLINE_S
        for pid, role in pids.items():
            if self._closed:
                return
            dump = self._dump_one(pid, role, t_s, hurry=time.monotonic() > until)
            with self._lock:
                self._ready.append(dump)

    def _dump_one(self, pid: int, role: Role, t_s: float, *, hurry: bool) -> StackDump:
        state = self._kernel.state(pid)
        if state is None:
            return StackDump(
                t_s=t_s, pid=pid, role=role, rung="none", refused=(REFUSED(rung="proc", why=NO_PROCESS()),)
            )
        refused: list[Text] = []
        for rung, ask in self._ladder(state, hurry=hurry):
            try:
                threads = ask(pid)
            except (Refused, OSError) as refusal:
                refused.append(REFUSED(rung=rung, why=reason(refusal)))
                continue
            threads = tuple(self._kernel.complete(pid, thread) for thread in threads)
            return StackDump(t_s=t_s, pid=pid, role=role, rung=rung, threads=threads, refused=tuple(refused))
        return StackDump(t_s=t_s, pid=pid, role=role, rung="none", refused=tuple(refused))

    def _ladder(self, state: str, *, hurry: bool) -> Iterator[tuple[Rung, Callable[[int], Threads]]]:
        if state not in DEAD_STATES and not hurry:
            yield "py-spy", self._py_spy.ask
            yield "faulthandler", self._signal.ask
        yield "proc", self._ask_kernel

    def _ask_kernel(self, pid: int) -> Threads:
        threads = self._kernel.threads(pid)
        if not threads:
            raise Refused(NO_PROCESS())
        return threads
