"""Stacks of all threads of some processes, read once, when something is wrong.

A ladder, the gentlest useful rung first: py-spy (reads the memory from outside, works on a stopped process), a
faulthandler signal (only if the hook registered one and the kernel confirms a handler: without one the signal kills
the process), and /proc (state, wait channel and system call of each thread).
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Literal

import msgspec

from holter.probes.process.kernel_threads import KernelThreads
from holter.records import Role, StackDump, Text, ThreadStack
from holter.sentences import define
from holter.texts.stacks import parse_faulthandler, parse_py_spy

Rung = Literal["py-spy", "faulthandler", "proc", "none"]
Threads = tuple[ThreadStack, ...]

# Measured: 10 ms per process, 300 ms for 13 processes on two saturated cores. After two seconds it counts as hung.
PY_SPY_DEADLINE_S = 2.0
# faulthandler writes within about a millisecond of the signal.
FAULT_DEADLINE_S = 1.0
# A dump of many threads is many writes: it is complete when the file has not grown for this long.
FAULT_SETTLED_S = 0.05
POLL_S = 0.01
# Limit for one process tree; processes not reached by then get only the /proc rung.
SWEEP_DEADLINE_S = 30.0

_DEAD_STATES = "ZXx"
_STOPPED_STATES = "Tt"

REFUSED = define("stack.refused", "{rung}: {why}")
PERMISSION_DENIED = define("stack.permission-denied", "permission denied")
NO_PROCESS = define("stack.no-process", "no such process")
NOT_PYTHON = define("stack.not-python", "not a Python process")
NOT_FOUND = define("stack.not-found", "not found")
NO_SENSE = define("stack.no-sense", "cannot read its answer ({error})")
NO_THREADS = define("stack.no-threads", "no threads")
NO_ANSWER = define("stack.no-answer", "no answer within {within:g} s")
NOT_REGISTERED = define("stack.not-registered", "not registered in this process")
IS_STOPPED = define("stack.is-stopped", "process is stopped")
NO_HANDLER = define("stack.no-handler", "the process has no handler for the signal")
WITHOUT_A_WORD = define("stack.without-a-word", "failed without a message")
_FINAL_REASONS = (PERMISSION_DENIED(), NO_PROCESS(), NOT_PYTHON())


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
        self._scratch = scratch
        self._fault_signal = fault_signal
        self._py_spy = py_spy or find_py_spy()
        self._kernel = KernelThreads(proc)
        self._deadline_s = deadline_s
        self._sweep: threading.Thread | None = None
        self._lock = threading.Lock()
        self._ready: list[StackDump] = []
        self._child: subprocess.Popen[bytes] | None = None
        self._closed = False

    def dump(self, pids: Mapping[int, Role], t_s: float) -> tuple[StackDump, ...]:
        """Return the stacks of these processes, in their order. Blocks; each process has its own deadline."""
        until = time.monotonic() + SWEEP_DEADLINE_S
        return tuple(self._dump_one(pid, role, t_s, hurry=time.monotonic() > until) for pid, role in pids.items())

    def start(self, pids: Mapping[int, Role], t_s: float) -> bool:
        """Start to dump in a thread; False if a sweep is running or no thread can be started."""
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
        """Whether a sweep is running."""
        return self._sweep is not None and self._sweep.is_alive()

    def collect(self) -> tuple[StackDump, ...]:
        """Return the dumps finished since the last call. Does not wait."""
        with self._lock:
            ready, self._ready = self._ready, []
        return tuple(ready)

    def close(self) -> None:
        """Stop a sweep: kill the running py-spy, and ask no further process."""
        self._closed = True
        child = self._child
        if child is not None and child.poll() is None:
            child.kill()

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
            except (_Refused, OSError) as refusal:
                refused.append(REFUSED(rung=rung, why=_reason(refusal)))
                continue
            threads = tuple(self._kernel.complete(pid, thread) for thread in threads)
            return StackDump(t_s=t_s, pid=pid, role=role, rung=rung, threads=threads, refused=tuple(refused))
        return StackDump(t_s=t_s, pid=pid, role=role, rung="none", refused=tuple(refused))

    def _ladder(self, state: str, *, hurry: bool) -> Iterator[tuple[Rung, Callable[[int], Threads]]]:
        if state not in _DEAD_STATES and not hurry:
            yield "py-spy", self._ask_py_spy
            yield "faulthandler", self._ask_faulthandler
        yield "proc", self._ask_kernel

    def _ask_kernel(self, pid: int) -> Threads:
        threads = self._kernel.threads(pid)
        if not threads:
            raise _Refused(NO_PROCESS())
        return threads

    def _ask_py_spy(self, pid: int) -> Threads:
        if self._py_spy is None:
            raise _Refused(NOT_FOUND())
        until = time.monotonic() + self._deadline_s
        code, output, complaint = self._run_py_spy(pid, until)
        # A process that runs while it is read can give an inconsistent result; a second try mostly succeeds.
        if code != 0 and not _is_final(complaint) and not self._closed:
            code, output, complaint = self._run_py_spy(pid, until)
        if code != 0:
            raise _Refused(_complaint(complaint))
        try:
            threads = parse_py_spy(output)
        except (msgspec.DecodeError, ValueError) as error:
            raise _Refused(NO_SENSE(error=str(error))) from error
        if not threads:
            raise _Refused(NO_THREADS())
        return threads

    def _run_py_spy(self, pid: int, until: float) -> tuple[int, bytes, str]:
        # A blocking py-spy fails on a stopped process.
        child = self._child = subprocess.Popen(
            [str(self._py_spy), "dump", "--json", "--nonblocking", "--pid", str(pid)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "RUST_BACKTRACE": "0"},
        )
        try:
            output, errors = child.communicate(timeout=max(POLL_S, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            _end(child)
            raise _Refused(NO_ANSWER(within=self._deadline_s)) from None
        finally:
            self._child = None
        return child.returncode, output, errors.decode(errors="replace")

    def _ask_faulthandler(self, pid: int) -> Threads:
        number = self._fault_signal(pid) if self._fault_signal is not None else None
        if number is None or self._scratch is None:
            raise _Refused(NOT_REGISTERED())
        file = stack_file(self._scratch, pid)
        # The descriptor pins the process: if another process got its PID, no signal is sent.
        descriptor = os.pidfd_open(pid)
        try:
            state = self._kernel.state(pid)
            if state is None or state in _DEAD_STATES:
                raise _Refused(NO_PROCESS())
            if state in _STOPPED_STATES:
                raise _Refused(IS_STOPPED())
            if not self._kernel.catches(pid, number):
                raise _Refused(NO_HANDLER())
            before_bytes = _size(file)
            signal.pidfd_send_signal(descriptor, signal.Signals(number))
        finally:
            os.close(descriptor)
        threads = parse_faulthandler(_what_was_added(file, before_bytes))
        if not threads:
            raise _Refused(NO_ANSWER(within=FAULT_DEADLINE_S))
        return threads


class _Refused(Exception):
    """A rung failed; ``why`` is its reason."""

    def __init__(self, why: Text) -> None:
        super().__init__(why)
        self.why = why


def find_py_spy() -> Path | None:
    """Return the py-spy beside our interpreter, else the one on PATH, else None."""
    beside = Path(sys.executable).parent / "py-spy"
    if os.access(beside, os.X_OK):
        return beside
    on_path = shutil.which("py-spy")
    return Path(on_path) if on_path else None


def _end(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    try:
        child.communicate(timeout=POLL_S * 10)
    except subprocess.TimeoutExpired:
        return  # in an uninterruptible call; it ends when the call does


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


def _is_final(complaint: str) -> bool:
    return _complaint(complaint) in _FINAL_REASONS


def _complaint(text: str) -> Text:
    lowered = text.lower()
    if "permission denied" in lowered or "operation not permitted" in lowered or "eperm" in lowered:
        return PERMISSION_DENIED()
    if "no such process" in lowered or "check that the process is running" in lowered:
        return NO_PROCESS()
    if "failed to find python version" in lowered or "failed to find libpython" in lowered:
        return NOT_PYTHON()
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[0][:200] if lines else WITHOUT_A_WORD()


def _reason(refusal: Exception) -> Text:
    if isinstance(refusal, _Refused):
        return refusal.why
    if isinstance(refusal, FileNotFoundError):
        return NOT_FOUND()
    if isinstance(refusal, PermissionError):
        return PERMISSION_DENIED()
    if isinstance(refusal, ProcessLookupError):
        return NO_PROCESS()
    return str(refusal) or type(refusal).__name__
