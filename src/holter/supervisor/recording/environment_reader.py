"""Read the environment (machine, versions, plans) in a thread: a disk may not answer."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

from holter.records import Environment


class EnvironmentReader:
    """Reads one environment at a time in a daemon thread; a read that never returns stops only this thread."""

    def __init__(self, describe: Callable[[int], Environment]) -> None:
        self._describe = describe
        self._thread: threading.Thread | None = None
        self._result: Environment | None = None

    def start(self, pid: int) -> None:
        """Start a reading, unless the last one still runs."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, args=(pid,), name="survey", daemon=True)
            with contextlib.suppress(RuntimeError):  # no more threads for this user: it is tried again
                self._thread.start()

    def take(self) -> Environment | None:
        """Return the environment read since the last call, or None; does not wait."""
        result, self._result = self._result, None
        return result

    def _run(self, pid: int) -> None:
        try:
            self._result = self._describe(pid)
        except OSError:
            return  # the process ended meanwhile, and its files in /proc are gone
