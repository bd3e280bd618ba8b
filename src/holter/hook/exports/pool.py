"""A process pool for exports that survives the death of its workers.

The stock pool replaces a dead worker silently, and the result of its case never arrives. A worker killed while it
waits for work also keeps a lock that all others need. Here every worker has its own pipes and shares no lock, so a
death costs only one case, and it is known which. That case is computed again in a new process while no other export
runs; if that fails too, in the process that waits for the result.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from multiprocessing.connection import wait
from typing import Any

from ..remarks import Remark, remark
from ..runtime import RUNTIME, quietly
from .tasks import Result, Task
from .worker import Worker, end

POLL_S = 0.1  # nnU-Net polls its pool at the same interval
STUCK_S = 600.0  # a worker with a case that uses no CPU for so long is stopped or blocked
END_S = 5.0  # for idle workers to exit after SIGTERM; then they are killed


class WorkerView:
    """A worker as nnU-Net sees it: always alive. nnU-Net gives up if a worker is dead, but this pool replaces it."""

    def __init__(self, process: Any) -> None:
        self._process = process

    def is_alive(self) -> bool:
        """Always True: the pool replaces dead workers."""
        return True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._process, name)


class ExportPool:
    """Replaces ``multiprocessing.Pool``. ``settled`` is called with every task that returned a value.

    Methods that nnU-Net does not use on its pools are those of a stock pool, which ``stock`` creates on first use.
    """

    def __init__(
        self, processes: int, stock: Callable[[], Any], settled: Callable[[Task], None] = lambda _: None
    ) -> None:
        self._stock, self._settled = stock, settled
        self._other: Any = None
        self._lock = threading.Lock()  # for the state that both threads change
        self._queue: deque[Task] = deque()  # for any worker
        self._again: deque[Task] = deque()  # for a new worker, alone
        self._here: deque[Task] = deque()  # for the waiting process itself
        self._broken = False  # no worker can be started: everything is computed here
        self._finished = 0
        self._counted = 0  # finished tasks already counted as progress
        self._workers: list[Worker] = []
        self._ended = threading.Event()
        for _ in range(processes):
            if not self._start_worker():
                break
        self._thread = threading.Thread(target=self._run, name="holter-exports", daemon=True)
        self._thread.start()

    # ------------------------------------------------------------------------------------- the interface of a pool

    def apply_async(
        self,
        func: Callable[..., Any],
        args: Iterable[Any] = (),
        kwds: dict[str, Any] | None = None,
        callback: Any = None,
        error_callback: Any = None,
    ) -> Any:
        """Submit one call and return its ``Result``; with a callback, the stock pool takes it."""
        if callback is not None or error_callback is not None:
            return self._stock_pool().apply_async(func, args, kwds or {}, callback, error_callback)
        return Result(self.attend, self._submit([Task(func, tuple(args), kwds or {})]), single=True)

    def starmap_async(
        self,
        func: Callable[..., Any],
        iterable: Iterable[Iterable[Any]],
        chunksize: int | None = None,
        callback: Any = None,
        error_callback: Any = None,
    ) -> Any:
        """Submit a call for each tuple of arguments; ``Result.get`` returns a list."""
        if callback is not None or error_callback is not None:
            return self._stock_pool().starmap_async(func, iterable, chunksize, callback, error_callback)
        return Result(
            self.attend, self._submit([Task(func, tuple(arguments), {}) for arguments in iterable]), single=False
        )

    def starmap(self, func: Callable[..., Any], iterable: Iterable[Iterable[Any]], chunksize: int | None = None) -> Any:
        """Call the function for each tuple of arguments, and return the results in this order."""
        return self.starmap_async(func, iterable, chunksize).get()

    def close(self) -> None:
        """Close the stock pool, if there is one; this pool itself has nothing to close."""
        if self._other is not None:
            self._other.close()

    def join(self) -> None:
        """Wait until all submitted work is finished."""
        while self._open():
            self.attend()
            time.sleep(POLL_S)
        if self._other is not None:
            self._other.join()

    def terminate(self) -> None:
        """End the workers within seconds."""
        self._ended.set()
        self._thread.join(END_S)
        end(self._workers, END_S)
        self._workers = []
        if self._other is not None:
            self._other.terminate()

    def __enter__(self) -> ExportPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.terminate()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or "_stock" not in self.__dict__:
            raise AttributeError(name)
        return getattr(self._stock_pool(), name)

    def _stock_pool(self) -> Any:
        if self._other is None:
            self._other = self._stock()
        return self._other

    @property
    def _pool(self) -> list[WorkerView]:
        # nnU-Net predicts ahead by two cases more than the length of this list.
        return [WorkerView(worker.process) for worker in self._workers] or [WorkerView(None)]

    # ------------------------------------------------------------------------------------- in the waiting thread

    def _submit(self, tasks: list[Task]) -> list[Task]:
        with self._lock:
            (self._here if self._broken else self._queue).extend(tasks)
        return tasks

    def attend(self) -> None:
        """Compute the tasks left to this process, and count progress, which only this process may write."""
        while self._counted < self._finished:
            self._counted += 1
            RUNTIME.progress()
        while True:
            with self._lock:
                task = self._here.popleft() if self._here else None
            if task is None:
                return
            RUNTIME.wait_over()
            RUNTIME.take_case(task.name)
            task.compute()
            RUNTIME.take_case("")
            self._finish(task)

    def _finish(self, task: Task) -> None:
        with self._lock:
            self._finished += 1
        with quietly("export-settled"):
            if task.ok:
                self._settled(task)

    # --------------------------------------------------------------------------------------- in the pool's thread

    def _run(self) -> None:
        try:
            while not self._ended.is_set():
                self._step()
        except Exception as error:
            RUNTIME.record_error("export-pool", error)
            self._give_up()

    def _step(self) -> None:
        wait([worker.sentinel for worker in self._workers] + [worker.reader for worker in self._workers], POLL_S)
        for worker in list(self._workers):
            self._poll(worker)
        self._assign()

    def _poll(self, worker: Worker) -> None:
        dead = not worker.alive()  # first: a result written before the death can still be read afterwards
        answer = worker.result() if worker.task is not None else None
        if answer is not None:
            self._answered(worker, *answer)
        if dead:
            self._workers.remove(worker)
            if worker.task is not None:
                self._lost(worker.task, worker.fate())
        else:
            worker.poll()
            if worker.silent_s > STUCK_S and not worker.stopped:
                worker.kill()

    def _answered(self, worker: Worker, ok: bool, value: Any) -> None:
        task, worker.task = worker.task, None
        if not ok and _no_memory(value):
            self._lost(task, remark("exporter-no-memory", error=type(value).__name__))
        else:
            task.settle(ok, value)
            self._finish(task)
        # It was started for this case alone or had too little memory: fewer workers need less.
        if task.losses and len(self._workers) > 1:
            self._workers.remove(worker)
            end([worker], END_S)

    def _lost(self, task: Task, trouble: Remark) -> None:
        task.lost(trouble)
        with self._lock:
            (self._again if task.losses == 1 else self._here).append(task)

    def _assign(self) -> None:
        busy = [worker for worker in self._workers if worker.task is not None]
        if any(worker.task.losses for worker in busy):  # a repeated case runs alone
            return
        if self._again:
            if not busy and self._start_worker():
                self._hand(self._workers[-1], self._again)
            elif not busy:
                self._give_up()
            return
        if self._queue and not self._workers and not self._start_worker():
            self._give_up()
        for worker in self._workers:
            if worker.task is None and self._queue:
                self._hand(worker, self._queue)

    def _hand(self, worker: Worker, source: deque[Task]) -> None:
        with self._lock:
            task = source.popleft()
        try:
            worker.hand(task)
        except Exception as error:
            RUNTIME.record_error("export-hand", error)
            task.losses = 1  # another process would not receive it either
            self._lost(task, remark("exporter-not-handed", error=repr(error)))

    def _start_worker(self) -> bool:
        try:
            self._workers.append(Worker())
        except OSError as error:  # no memory, or no more processes allowed
            RUNTIME.record_error("export-hire", error)
            return False
        return True

    def _give_up(self) -> None:
        # Leave everything to the waiting process. The workers end first, so that none still writes the same files.
        self._broken = True
        workers, self._workers = self._workers, []
        end(workers, END_S)
        with self._lock:
            held = [worker.task for worker in workers if worker.task is not None]
            for task in (*held, *self._again, *self._queue):
                task.losses = 1
                task.lost(remark("no-exporter"))
                self._here.append(task)
            self._again.clear()
            self._queue.clear()

    def _open(self) -> bool:
        with self._lock:
            waiting = bool(self._queue or self._again or self._here)
        return waiting or any(worker.task is not None for worker in self._workers)


def _no_memory(error: Any) -> bool:
    # Memory errors may go away when nothing else runs. Torch raises its own as a RuntimeError with a message.
    return isinstance(error, MemoryError) or "allocate memory" in str(error).lower()
