"""The stacks of a process from py-spy, which reads its memory from outside, even while it is stopped."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from holter.probes.process.stack_refusal import NO_ANSWER, NO_PROCESS, NOT_FOUND, PERMISSION_DENIED, Refused
from holter.records import Text, ThreadStack
from holter.sentences import define
from holter.texts.stacks import parse_py_spy

# Measured: 10 ms per process, 300 ms for 13 processes on two saturated cores. After two seconds it counts as hung.
PY_SPY_DEADLINE_S = 2.0
POLL_S = 0.01
# A process that runs while it is read can give an inconsistent result; on saturated cores several times.
TRIES = 5

NOT_PYTHON = define("stack.not-python", "not a Python process")
NO_SENSE = define("stack.no-sense", "cannot read its answer ({error})")
NO_THREADS = define("stack.no-threads", "no threads")
WITHOUT_A_WORD = define("stack.without-a-word", "failed without a message")
_FINAL_REASONS = (PERMISSION_DENIED(), NO_PROCESS(), NOT_PYTHON())


class PySpy:
    """Runs ``py-spy dump`` for one process at a time."""

    def __init__(self, program: Path | None, deadline_s: float = PY_SPY_DEADLINE_S) -> None:
        self.program = program
        self._deadline_s = deadline_s
        self._child: subprocess.Popen[bytes] | None = None
        self._closed = False

    def ask(self, pid: int) -> tuple[ThreadStack, ...]:
        """Return all Python threads of a process, each with its stack frames.

        Raises:  Refused, OSError.
        """
        if self.program is None:
            raise Refused(NOT_FOUND())
        until = time.monotonic() + self._deadline_s
        for _ in range(TRIES):
            code, output, complaint = self._run(pid, until)
            if code == 0 or _is_final(complaint) or self._closed or time.monotonic() >= until:
                break
        if code != 0:
            raise Refused(_complaint(complaint))
        try:
            threads = parse_py_spy(output)
        except (msgspec.DecodeError, ValueError) as error:
            raise Refused(NO_SENSE(error=str(error))) from error
        if not threads:
            raise Refused(NO_THREADS())
        return threads

    def _run(self, pid: int, until: float) -> tuple[int, bytes, str]:
        # A blocking py-spy fails on a stopped process.
        child = self._child = subprocess.Popen(
            [str(self.program), "dump", "--json", "--nonblocking", "--pid", str(pid)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "RUST_BACKTRACE": "0"},
        )
        try:
            output, errors = child.communicate(timeout=max(POLL_S, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            _end(child)
            raise Refused(NO_ANSWER(within=self._deadline_s)) from None
        finally:
            self._child = None
        return child.returncode, output, errors.decode(errors="replace")

    def close(self) -> None:
        """Kill the running py-spy; it is not tried again."""
        self._closed = True
        child = self._child
        if child is not None and child.poll() is None:
            child.kill()


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
