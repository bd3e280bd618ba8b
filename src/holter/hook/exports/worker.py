"""One process of an export pool, with its own pipes; it runs the worker loop of multiprocessing's own pools."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from multiprocessing.pool import worker as work  # type: ignore[attr-defined]
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

from ..remarks import Remark, remark
from ..workers import children

OBSERVE_S = 1.0  # interval between two readings of the CPU time
UTIME, STIME = 11, 12  # fields of /proc/PID/stat, counted after the name


class Worker:
    """A process and its current task.

    ``task`` is set by the pool; ``silent_s``: seconds in which it had a task and used no CPU.
    """

    def __init__(self, proc: Path = Path("/proc")) -> None:
        context = multiprocessing.get_context("spawn")
        self._tasks, self._results = context.SimpleQueue(), context.SimpleQueue()
        arguments = (self._tasks, self._results, None, (), None, True)
        self.process = context.Process(target=work, args=arguments, daemon=True)
        self.process.name = self.process.name.replace("Process", "PoolWorker")
        self.process.start()
        children.adopt(self.process, "export-worker")
        # From here on only the process holds these ends, so its death closes the pipe.
        self._tasks._reader.close()  # type: ignore[attr-defined]
        self._results._writer.close()  # type: ignore[attr-defined]
        self.reader = self._results._reader  # type: ignore[attr-defined]
        self.sentinel = self.process.sentinel
        self.task: Any = None
        self.stopped = False  # killed by us because it was idle
        self.silent_s = 0.0
        self._stat = proc / str(self.process.pid) / "stat"
        self._ticks: int | None = None
        self._looked = 0.0

    def hand(self, task: Any) -> None:
        """Send it a task. Raises if the call cannot be pickled, for example without free shared memory.

        A stopped process reads nothing, so a thread does the writing.
        """
        payload = ForkingPickler.dumps((0, 0, *task.call))
        self.task, self.silent_s, self._ticks, self._looked = task, 0.0, None, time.monotonic()
        threading.Thread(target=self._write, args=(payload,), name="holter-export-task", daemon=True).start()

    def _write(self, payload: Any) -> None:
        with contextlib.suppress(OSError):  # the process is dead, and the pool will notice
            self._tasks._writer.send_bytes(payload)  # type: ignore[attr-defined]

    def alive(self) -> bool:
        return self.process.exitcode is None

    def result(self) -> tuple[bool, Any] | None:
        """Return (ok, value) if the worker has answered, else None; an unreadable answer counts as none."""
        try:
            if self.reader.poll():
                _, _, (ok, value) = self.reader.recv()
                return ok, value
        except (EOFError, OSError):
            pass
        return None

    def poll(self) -> None:
        """Add up the seconds without CPU time. A pause of this process itself (a frozen container) does not count."""
        now = time.monotonic()
        if self.task is None or now - self._looked < OBSERVE_S:
            return
        passed, self._looked = min(now - self._looked, 2 * OBSERVE_S), now
        ticks = self._cpu_ticks()
        if ticks is None or ticks != self._ticks:
            self._ticks, self.silent_s = ticks, 0.0
        else:
            self.silent_s += passed

    def _cpu_ticks(self) -> int | None:
        try:
            fields = self._stat.read_text().rpartition(")")[2].split()
            return int(fields[UTIME]) + int(fields[STIME])
        except (OSError, ValueError, IndexError):
            return None

    def kill(self) -> None:
        """Kill a process that does not answer; in uninterruptible sleep it ends when its system call does."""
        self.stopped = True
        children.ending([self.process], expected=False)
        self.process.kill()

    def fate(self) -> Remark:
        """Return a remark that says how the process ended."""
        code, pid = self.process.exitcode, self.process.pid
        if self.stopped:
            return remark("exporter-idle", pid=pid, silent=self.silent_s)
        if code is not None and code < 0:
            with contextlib.suppress(ValueError):
                return remark("exporter-killed", pid=pid, signal=signal.Signals(-code).name)
        return remark("exporter-exited", pid=pid, exit_code=str(code))


def end(workers: list[Worker], within_s: float) -> None:
    """End all workers, with SIGKILL if needed; ``within_s``: the most seconds to wait before that."""
    for worker in workers:
        worker.process.terminate()
    until = time.monotonic() + within_s
    for worker in workers:
        worker.process.join(max(0.0, until - time.monotonic()))
        if worker.alive():  # stopped, or in uninterruptible sleep
            with contextlib.suppress(OSError):
                os.kill(worker.process.pid or 0, signal.SIGKILL)
                worker.process.join(1.0)
