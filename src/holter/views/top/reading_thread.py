"""The thread that reads tapes and draws, while another one serves the terminal."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future


class ReadingThread:
    """A thread that runs jobs in turn. The program does not wait for it at the end, because a disk may hang."""

    def __init__(self) -> None:
        self._todo: queue.SimpleQueue[tuple[Callable[[], None], Future[None]]] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="tape", daemon=True).start()

    def submit(self, do: Callable[[], None]) -> Future[None]:
        """Run ``do`` after the jobs that were submitted before; the future holds an exception that it raises."""
        future: Future[None] = Future()
        self._todo.put((do, future))
        return future

    def _run(self) -> None:
        while True:
            do, future = self._todo.get()
            try:
                do()
            except BaseException as error:  # noqa: BLE001 - handed on to who waits
                future.set_exception(error)
            else:
                future.set_result(None)
