"""Who reads what next, and which batch is ready: the one place where the threads meet."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any

from holter.errors import HolterError, LoaderClosed, LoaderFailed

# A lock wait that a signal handler cannot interrupt would hold up Ctrl-C on some platforms: look up this often.
POLL_S = 0.5


class Job:
    """Some slots of one batch. Two threads may work on one, if the first hangs; the first to finish claims it."""

    def __init__(self, batch: Batch, slots: range) -> None:
        self.batch = batch
        self.slots = slots
        self.looks = 1  # how often it was handed out
        self.is_claimed = False

    @property
    def step(self) -> int:
        """The step whose batch this belongs to."""
        return self.batch.step


class Batch:
    """One batch while it comes together."""

    def __init__(self, step: int, size: int) -> None:
        self.step = step
        self.missing = size  # samples that are not there yet
        self.writers = 0  # threads that claimed a job and still write
        self.is_dropped = False
        self.room: Any = None  # where samples go; made when the first one comes
        self.keys: list[str] = [""] * size
        self.room_lock = threading.Lock()  # held while the room is made: that may wait for a GPU


class Dispatch:
    """Hands jobs to readers, at most ``depth`` batches ahead, and finished batches to the trainer; both in order."""

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
        """The next job, waited for; None: stop."""
        with self._work:
            while not self.is_stopped:
                if not self._jobs and self._next_to_plan < self._next_to_give + self._depth:
                    self._plan_ahead()
                if self._jobs:
                    return self._jobs.popleft()
                self._work.wait()
            return None

    def again(self, job: Job) -> bool:
        """Hand a job out once more, first of all; False if it is done or no longer wanted."""
        with self._work:
            if job.is_claimed or job.batch.is_dropped or self.is_stopped:
                return False
            job.looks += 1
            self._jobs.appendleft(job)
            self._work.notify()
            return True

    def claim(self, job: Job) -> Batch | None:
        """The batch to write into, then to be told ``written``; None: somebody else was first, or nobody wants it."""
        with self._work:
            if job.is_claimed or job.batch.is_dropped or self.is_stopped:
                return None
            job.is_claimed = True
            job.batch.writers += 1
            return job.batch

    def written(self, job: Job) -> Any:
        """A claimed job is in its place; the room of its batch if that was dropped and nobody else writes, or None."""
        with self._ready:
            batch = job.batch
            batch.writers -= 1
            batch.missing -= len(job.slots)
            if batch.missing == 0:
                self._ready.notify_all()
            return batch.room if batch.is_dropped and batch.writers == 0 else None

    def next_batch(self) -> Batch:
        """The next batch in order, waited for.

        Raises:  what stopped a thread; LoaderClosed.
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
        """Forget what is under way and go on at ``step``; the rooms that are free now."""
        with self._work:
            dropped = list(self._batches.values())
            for batch in dropped:
                batch.is_dropped = True
            self._jobs.clear()
            self._batches.clear()
            self._next_to_give = self._next_to_plan = step
            self._work.notify_all()
            return [batch.room for batch in dropped if batch.room is not None and batch.writers == 0]

    def fail(self, error: BaseException) -> None:
        """A thread cannot go on: the trainer shall know."""
        with self._work:
            self._error = self._error or error
        self.stop()

    def stop(self) -> None:
        """Every waiting thread returns."""
        with self._work:
            self.is_stopped = True
            self._work.notify_all()
            self._ready.notify_all()

    def check(self) -> None:
        """Raise what stopped the loader, if anything did."""
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
