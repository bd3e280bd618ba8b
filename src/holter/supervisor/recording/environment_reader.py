"""Describing machine, versions and plans beside the recorder: some of it is read from disks that may not answer."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

from holter.records import Environment


class Survey:
    """One description at a time, in a daemon thread; a read that never returns costs only the description."""

    def __init__(self, describe: Callable[[int], Environment]) -> None:
        self._describe = describe
        self._thread: threading.Thread | None = None
        self._result: Environment | None = None

    def start(self, pid: int) -> None:
        """Begin a description, unless the last one is still going."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, args=(pid,), name="survey", daemon=True)
            with contextlib.suppress(RuntimeError):  # no more threads for this user: it is asked for again
                self._thread.start()

    def take(self) -> Environment | None:
        """A description that has come in since the last call; does not wait."""
        result, self._result = self._result, None
        return result

    def _run(self, pid: int) -> None:
        try:
            self._result = self._describe(pid)
        except OSError:
            return  # a process that ends while it is looked at takes half of /proc with it
