"""End an augmenter's workers within seconds, in whatever state they, their locks and their pipes are.

A worker may be stopped or dead while it holds the lock of the abort event, while it writes a batch, or between
announcing a tensor and sending it. The augmenter's own ``_finish`` waits for all of that.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import threading
import time
import weakref
from typing import Any

from . import children
from .parts import ONE_QUEUE, parts_of, queues_of, ready_of, thread_of

# A killed process is gone in milliseconds unless the kernel holds it (storage, GPU); then nothing can end it.
KILLED_WITHIN_S = 5.0
# Live processes hold it for microseconds: a process that still holds it after this time is dead.
LOCK_HELD_S = 0.2
# The results loop checks every few milliseconds; it takes longer only while it pins a batch.
LOOP_ENDS_WITHIN_S = 1.0
EVENTS = ("abort_event", "pause_event")

# Results loops whose workers end in order, or are ended by us: their exceptions are not reported.
EXPECTED_TO_END: weakref.WeakSet[threading.Thread] = weakref.WeakSet()


def end_workers(augmenter: Any) -> list[Any]:
    """Kill the workers and leave the augmenter as its ``_finish`` does; returns the batches that were ready.

    Takes no lock without a time limit: locks held by a killed worker stay locked.
    """
    started = [process for process in augmenter._processes if process.pid is not None]
    children.report(started)  # those that ended by themselves
    thread = thread_of(augmenter)
    if thread is not None:
        EXPECTED_TO_END.add(thread)
    _kill([process for process in started if process.exitcode is None])
    children.report(started)
    if thread is not None:
        _end_results_loop(augmenter, thread)
    ready = _ready(ready_of(augmenter))
    _forget(augmenter)
    return ready


def _forget(augmenter: Any) -> None:
    parts = parts_of(augmenter)
    methods = [getattr(process, "_start_method", None) for process in augmenter._processes]
    context = multiprocessing.get_context(methods[0] if methods else None)
    setattr(augmenter, parts.queues, None if parts is ONE_QUEUE else [])
    setattr(augmenter, parts.ready, None)
    setattr(augmenter, parts.thread, None)
    for name in EVENTS:
        if hasattr(augmenter, name):
            # One kind makes its events at each start, the other one only once: a dead worker may hold their lock.
            setattr(augmenter, name, None if parts is ONE_QUEUE else context.Event())
    augmenter._processes = []
    setattr(augmenter, parts.is_started, False)


def _kill(processes: list[Any]) -> None:
    children.ending(processes, expected=True)
    for process in processes:
        process.kill()
    end = time.monotonic() + KILLED_WITHIN_S
    for process in processes:
        process.join(max(0.0, end - time.monotonic()))


def _end_results_loop(augmenter: Any, thread: threading.Thread) -> None:
    # Wait for the thread to end; one that does not is left behind, idle.
    free_lock(getattr(getattr(augmenter.abort_event, "_cond", None), "_lock", None))
    for queue in queues_of(augmenter):
        with contextlib.suppress(OSError, AttributeError):
            queue._writer.close()  # the last writer, unless other workers inherited it: ends a partial batch
    thread.join(LOOP_ENDS_WITHIN_S)
    if not thread.is_alive():
        for queue in queues_of(augmenter):
            with contextlib.suppress(OSError, AttributeError):
                queue._reader.close()


def free_lock(lock: Any) -> None:
    """Release the lock of the event that ends the workers, if a killed worker has held it for ``LOCK_HELD_S``.

    Threads of this process hold it for microseconds; if it were released under them, the training would raise.
    """
    if lock is None:
        return
    lock.acquire(True, LOCK_HELD_S)
    with contextlib.suppress(ValueError):  # not held: released at this moment
        lock.release()  # held by us or by a dead process: any process may release this kind of lock


def _ready(ready_queue: Any) -> list[Any]:
    if ready_queue is None:
        return []
    with ready_queue.mutex:
        return list(ready_queue.queue)
