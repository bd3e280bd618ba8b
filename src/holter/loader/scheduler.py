"""Decide which thread reads what next, and which batch is ready: the only place where the threads meet."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any

from holter.errors import HolterError, LoaderClosed, LoaderFailed

# On some platforms a signal cannot interrupt a wait for a lock, which would delay Ctrl-C: wake up this often.
POLL_S = 0.5


class Job:
    """Samples of one batch for one thread to read. If it hangs, a second one reads them too; the first to end wins."""

    def __init__(self, batch: Batch, slots: range) -> None:
        self.batch = batch
        self.slots = slots
        self.attempts = 1  # how often it was given to a thread
        self.is_claimed = False

    @property
    def step(self) -> int:
        """The step (number) of the batch that this job belongs to."""
        return self.batch.step


class Batch:
    """A batch that is not finished: its memory, and which of its jobs are done."""

    def __init__(self, step: int, size: int) -> None:
        self.step = step
        self.missing = size  # samples that have not arrived yet
        self.writers = 0  # threads that claimed a job and are still writing
        self.is_dropped = False
        self.memory: Any = None  # the memory for its samples; allocated when the first one arrives
        self.keys: list[str] = [""] * size
        self.memory_lock = threading.Lock()  # held during the allocation, which may wait for a GPU


class Dispatch:
    """Gives jobs to readers, at most ``depth`` batches ahead, and finished batches to the trainer; both in order."""

    def __init__(self, batch_size: int, depth: int, slots_a_job: int) -> None:
        self._size, self._depth, self._slots_a_job = batch_size, depth, slots_a_job
        lock = threading.Lock()
        self._work, self._ready = threading.Condition(lock), threading.Condition(lock)
        self._jobs: deque[Job] = deque()
        self._batches: dict[int, Batch] = {}
        self._next_to_give = self._next_to_plan = 0
        self._error: BaseException | None = None
        self.is_stopped = False

    def take(self) -> Job | None:
        """Wait for the next job of a reader thread; None: the thread must end."""
        with self._work:
            while not self.is_stopped:
                if not self._jobs and self._next_to_plan < self._next_to_give + self._depth:
                    self._plan_ahead()
                if self._jobs:
                    return self._jobs.popleft()
                self._work.wait()
            return None

    def again(self, job: Job) -> bool:
        """Give a job to another thread, before all other jobs; return False if it is done or no longer wanted."""
        with self._work:
            if job.is_claimed or job.batch.is_dropped or self.is_stopped:
                return False
            job.attempts += 1
            self._jobs.appendleft(job)
            self._work.notify()
            return True

    def claim(self, job: Job) -> Batch | None:
        """Return the batch to write a job's samples into (then call ``written``).

        None if another thread was first, the batch was dropped, or the loader was stopped.
        """
        with self._work:
            if job.is_claimed or job.batch.is_dropped or self.is_stopped:
                return None
            job.is_claimed = True
            job.batch.writers += 1
            return job.batch

    def written(self, job: Job) -> Any:
        """Record a claimed job as written; return the batch's memory if it was dropped and this was its last writer."""
        with self._ready:
            batch = job.batch
            batch.writers -= 1
            batch.missing -= len(job.slots)
            if batch.missing == 0:
                self._ready.notify_all()
            return batch.memory if batch.is_dropped and batch.writers == 0 else None

    def next_batch(self) -> Batch:
        """Wait for the next finished batch in order and return it.

        Raises:  LoaderFailed, or a HolterError that stopped a thread; LoaderClosed if the loader was stopped.
        """
        with self._ready:
            while True:
                self._check()
                batch = self._batches.get(self._next_to_give)
                if batch is not None and batch.missing == 0:
                    del self._batches[self._next_to_give]
                    self._next_to_give += 1
                    self._work.notify_all()
                    return batch
                self._ready.wait(POLL_S)

    def restart_at(self, step: int) -> list[Any]:
        """Drop all unfinished batches and continue at ``step``; return the memory that is now free."""
        with self._work:
            dropped = list(self._batches.values())
            for batch in dropped:
                batch.is_dropped = True
            self._jobs.clear()
            self._batches.clear()
            self._next_to_give = self._next_to_plan = step
            self._work.notify_all()
            return [batch.memory for batch in dropped if batch.memory is not None and batch.writers == 0]

    def fail(self, error: BaseException) -> None:
        """Stop the loader because of an error in a thread; the trainer's next call raises it."""
        with self._work:
            self._error = self._error or error
        self.stop()

    def stop(self) -> None:
        """Make every waiting thread return: readers get no more jobs, and ``next_batch`` raises LoaderClosed."""
        with self._work:
            self.is_stopped = True
            self._work.notify_all()
            self._ready.notify_all()

    def check(self) -> None:
        """Raise what stopped the loader; return if it was not stopped."""
        with self._ready:
            self._check()

    def _check(self) -> None:
        error = self._error
        if isinstance(error, HolterError):
            raise error
        if error is not None:
            raise LoaderFailed(
                f"a thread of the data loader met {type(error).__name__}: {error}",
                safe="the last checkpoint",
                next_step="the traceback above says where; --loader stock trains with nnU-Net's own loader",
            ) from error
        if self.is_stopped:
            raise LoaderClosed("the data loader was closed")

    def _plan_ahead(self) -> None:
        batch = Batch(self._next_to_plan, self._size)
        self._batches[batch.step] = batch
        self._next_to_plan += 1
        starts = range(0, self._size, self._slots_a_job)
        self._jobs.extend(Job(batch, range(at, min(at + self._slots_a_job, self._size))) for at in starts)
        self._work.notify_all()
