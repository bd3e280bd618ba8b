"""An augmenter's workers ended within seconds, whatever state they, their locks and their pipes are in.

A worker may be stopped or dead while it holds the lock of the abort event, or half way through writing a batch, or
between announcing a tensor and handing it over. The augmenter's own way to end waits for all of that.
"""

from __future__ import annotations

import contextlib
import threading
import time
import weakref
from typing import Any

from . import children

# A killed process is gone in milliseconds unless the kernel holds it (storage, GPU); no one can end it then.
KILLED_WITHIN_S = 5.0
# Held for microseconds by those that live: whoever still has it after this time is dead.
LOCK_HELD_S = 0.2
# The results loop looks around every few milliseconds; it takes longer only in the middle of pinning a batch.
LOOP_ENDS_WITHIN_S = 1.0
FORGOTTEN = ("_queue", "results_loop_queue", "results_loop_thread", "abort_event", "pause_event")

# Results loops whose workers we end: what they then raise is no news.
EXPECTED_TO_END: weakref.WeakSet[threading.Thread] = weakref.WeakSet()


def end_workers(augmenter: Any) -> list[Any]:
    """Kill the workers and leave the augmenter as its ``_finish`` does; returns the batches that were ready.

    Takes no lock without a time limit: those that a killed worker held stay locked.
    """
    started = [process for process in augmenter._processes if process.pid is not None]
    children.report(started)  # those that have ended by themselves
    thread = augmenter.results_loop_thread
    if thread is not None:
        EXPECTED_TO_END.add(thread)
    _kill([process for process in started if process.exitcode is None])
    children.report(started)
    if thread is not None:
        _end_results_loop(augmenter, thread)
    ready = _ready(augmenter.results_loop_queue)
    for name in FORGOTTEN:
        if hasattr(augmenter, name):
            setattr(augmenter, name, None)
    augmenter._processes = []
    augmenter.initialized = False
    return ready


def _kill(processes: list[Any]) -> None:
    children.ending(processes, expected=True)
    for process in processes:
        process.kill()
    end = time.monotonic() + KILLED_WITHIN_S
    for process in processes:
        process.join(max(0.0, end - time.monotonic()))


def _end_results_loop(augmenter: Any, thread: threading.Thread) -> None:
    """See the thread end; one that does not is left behind, with nothing to do."""
    condition = getattr(augmenter.abort_event, "_cond", None)
    if condition is not None:
        _free(condition._lock)
    with contextlib.suppress(OSError, AttributeError):
        augmenter._queue._writer.close()  # the last writer, unless other workers inherited it: ends half a batch
    thread.join(LOOP_ENDS_WITHIN_S)
    if not thread.is_alive():
        with contextlib.suppress(OSError, AttributeError):
            augmenter._queue._reader.close()


def _free(lock: Any) -> None:
    lock.acquire(True, LOCK_HELD_S)
    with contextlib.suppress(ValueError):  # not held: given back in this moment
        lock.release()  # ours, or that of a dead process: this kind of lock does not ask who gives it back


def _ready(ready_queue: Any) -> list[Any]:
    if ready_queue is None:
        return []
    with ready_queue.mutex:
        return list(ready_queue.queue)
