"""Replace dead and frozen workers in the middle of an epoch, while the main process waits for their batches.

Only if the user asked for it (``HOLTER_HEAL=workers``). The main thread then waits here instead of in the
augmenter, so that it can act during the wait: it ends the remaining workers, starts the augmenter again through its
own ``_start`` and continues to wait. Nothing is lost: ready batches are kept, and the others are random samples that
new workers draw as well. Deaths are detected here; the supervisor reports frozen workers (``control``).
"""

from __future__ import annotations

import functools
import os
import queue
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

from .. import control
from ..remarks import Remark, remark
from . import children
from .failure import ACTION, TICK_S, AugmenterFailure, ask, detect, is_stopped, requests, started, watch_results_loop
from .parts import ONE_QUEUE, needed, never_ends, parts_of, ready_of, thread_of
from .teardown import end_workers

# If more workers than this die within an hour, new ones do not solve the problem, and a person should see it.
MOST, WITHIN_S = 5, 3600.0
# The kernel kills processes when memory or /dev/shm is full. From the second such death within ten minutes on, each
# replacement starts only half of the workers.
OUT_OF_MEMORY_WITHIN_S = 600.0
AGAIN_AFTER_S = 1.0  # memory or PIDs for new processes may be free again after this time
# The message of every version of the augmenter.
NOT_ALIVE = (
    "One or more background workers are no longer alive. Exiting. Please check the print statements above for the "
    "actual error message"
)


class RestartHistory:
    """Times of worker replacements and of out-of-memory deaths."""

    def __init__(self) -> None:
        self._replaced: deque[float] = deque()
        self._starved: deque[float] = deque()

    def is_spent(self) -> bool:
        """Return whether workers have been replaced so often lately that they may not be replaced now."""
        return _count(self._replaced, WITHIN_S) >= MOST

    def replace(self) -> None:
        """Record that the workers were replaced now."""
        self._replaced.append(time.monotonic())

    def starve(self) -> bool:
        """Record an out-of-memory death now; return whether it is at least the second one lately."""
        self._starved.append(time.monotonic())
        return _count(self._starved, OUT_OF_MEMORY_WITHIN_S) >= 2


def _count(times: deque[float], within_s: float) -> int:
    while times and time.monotonic() - times[0] > within_s:
        times.popleft()
    return len(times)


class PendingRestart(NamedTuple):
    """A replacement that has not produced its first batch yet."""

    said: tuple[Remark, ...]
    number: int | None
    noticed: float


_past = RestartHistory()
_unproved: deque[PendingRestart] = deque(maxlen=1)
# Functions for the main thread to call during a wait for a batch, between two steps; they raise nothing.
main_thread_calls: deque[Callable[[], None]] = deque()
_waits_here: list[bool] = []


def wait_here(module: ModuleType, cls: Any) -> None:
    """Make the main thread wait here, and accept the supervisor's requests."""
    parts = parts_of(cls)
    missing = needed(parts).difference(cls.__init__.__code__.co_names)
    if missing:
        raise NotImplementedError("this augmenter has no " + ", ".join(sorted(missing)))
    watch_results_loop(module, lambda error: _no_more(error) is None)
    if parts is ONE_QUEUE:
        cls.__next__ = _healing_next(cls.__next__)
    else:  # its own __next__ handles the end of the data
        name = f"_{cls.__name__.lstrip('_')}__get_next_item"
        setattr(cls, name, _healing_wait(getattr(cls, name)))
    control.on(ACTION, ask)


# --------------------------------------------------------------------------------------------------- the wait


def waits_here() -> bool:
    """Whether the main thread waits for batches here; False without worker processes or with another loader."""
    return bool(_waits_here)


def _healing_next(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    @functools.wraps(original)
    def __next__(self: Any) -> Any:  # noqa: N807
        if threading.current_thread() is not threading.main_thread():
            return original(self)
        if not _waits_here:
            _waits_here.append(True)
        if not self.initialized:
            self._start()
        batch = __get_next_item(self)
        self.results_loop_queue.task_done()
        if _unproved:
            _tell_done(_unproved.pop())
        return batch

    return __next__


def _healing_wait(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    @functools.wraps(original)
    def wait(self: Any) -> Any:
        if threading.current_thread() is not threading.main_thread() or not never_ends(self.generator):
            return original(self)
        if not _waits_here:
            _waits_here.append(True)
        batch = __get_next_item(self)
        if _unproved:
            _tell_done(_unproved.pop())
        return batch

    return wait


def __get_next_item(augmenter: Any) -> Any:
    # Same name as the augmenter's own wait, by which a stack dump is recognised.
    began: float | None = None
    while True:
        if began is not None or requests or not thread_of(augmenter).is_alive():
            trouble = detect(augmenter, 0.0 if began is None else time.monotonic() - began)
            if trouble is not None:
                _replace(augmenter, trouble)
                began = None
        try:
            return ready_of(augmenter).get(timeout=TICK_S)
        except queue.Empty:
            began = time.monotonic() if began is None else began
            while main_thread_calls:
                main_thread_calls.popleft()()


# ---------------------------------------------------------------------------------------------- the replacement


def _replace(augmenter: Any, trouble: AugmenterFailure) -> None:
    noticed = time.monotonic()
    if _unproved:
        before = _unproved.pop()
        control.tell(ACTION, "failed", *before.said, remark("no-batch-from-them"), number=before.number)
    reason = _no_more(trouble.error)
    if reason is not None and trouble.frozen:  # the supervisor decides what is next
        control.tell(ACTION, "failed", *trouble.said, reason, number=trouble.number)
        return
    others = [process for process in started(augmenter) if process.pid not in trouble.culprits]
    children.ending(others, expected=True)
    control.tell(ACTION, "begun", *trouble.said, number=trouble.number, pids=[process.pid for process in others])
    ready = end_workers(augmenter)
    fresh = None
    while reason is None and fresh is None:
        _past.replace()
        fresh = _start_again(augmenter, trouble)
        reason = _no_more(trouble.error)
    if fresh is None:
        control.tell(ACTION, "failed", *trouble.said, *((reason,) if reason else ()), number=trouble.number)
        raise RuntimeError(NOT_ALIVE) from trouble.error
    _put_back(ready_of(augmenter), ready)
    remarks = (*trouble.said, {**fresh, "ended": len(others)})
    _unproved.append(PendingRestart(remarks, trouble.number, noticed))
    if ready:
        _tell_done(_unproved.pop(), kept=len(ready))


def _no_more(error: BaseException | None) -> Remark | None:
    # Why new workers cannot heal this; None if they can.
    if "CUDA" in str(error):
        return remark("cuda-error")
    if _past.is_spent():
        return remark("replaced-too-often", times=MOST)
    return None


def _start_again(augmenter: Any, trouble: AugmenterFailure) -> Remark | None:
    # Returns what to report; None if starting failed and can be tried again.
    before = count = int(augmenter.num_processes)
    if trouble.starved and _past.starve():
        count = max(1, before // 2)
    augmenter.num_processes = count
    seeds = augmenter.seeds[:count]
    # Forked workers would start with the main process's random state and repeat the augmentations of the first
    # epoch; with a fixed seed of the user they would repeat the batches too.
    augmenter.seeds = [int.from_bytes(os.urandom(4), "little") for _ in range(count)]
    try:
        augmenter._start()
    except Exception as error:
        control.tell(ACTION, "failed", remark("not-started", error=repr(error)), number=trouble.number)
        end_workers(augmenter)
        time.sleep(AGAIN_AFTER_S)
        return None
    finally:
        augmenter.seeds = seeds
    if count == before:
        return remark("workers-started", started=count)
    return remark("fewer-workers-started", started=count, before=before)


def _put_back(ready_queue: Any, batches: list[Any]) -> None:
    with ready_queue.mutex:
        ready_queue.queue.extendleft(reversed(batches))
        ready_queue.unfinished_tasks += len(batches)


def _tell_done(replaced: PendingRestart, kept: int = 0) -> None:
    after_s = time.monotonic() - replaced.noticed
    came = remark("kept-batch", after=after_s, kept=kept) if kept else remark("next-batch", after=after_s)
    control.tell(ACTION, "done", *replaced.said, came, number=replaced.number)


# -------------------------------------------------------------------------------------------------------- the end


def finish_here(cls: Any) -> None:
    """At a normal end, do not wait for workers that are stopped or were killed: that could take minutes or forever."""
    original = cls._finish
    is_finalizing = sys.is_finalizing  # a local reference: globals are gone when exit deletes the augmenters

    @functools.wraps(original)
    def _finish(self: Any, *args: Any, **kwargs: Any) -> Any:
        if is_finalizing() or not any(
            is_stopped(process.pid) or (process.exitcode or 0) < 0 for process in started(self)
        ):
            return original(self, *args, **kwargs)
        end_workers(self)
        return None

    cls._finish = _finish
