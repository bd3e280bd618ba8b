"""A thread that frees the thread that waits for a batch: it ends stopped workers and completes torn messages.

The waiting thread cannot do that itself: with PyTorch's default sharing it is blocked in a read from the worker that
sent the tensor, without a time limit (``DataLoader(timeout=…)`` has no effect there).
"""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

from .. import control
from .. import page as layout
from ..process import name_thread
from ..remarks import Remark, remark, worker
from ..runtime import RUNTIME, quietly
from ..workers import children
from ..workers.failure import ACTION, is_stopped
from ..workers.teardown import KILLED_WITHIN_S, free_lock

LOOK_S = 0.25
# A worker that was stopped for so long, during one wait, is ended. A debugger stops a worker in another
# way.
STOPPED_S = 1.5
# If the looks are so far apart, this process was stopped too, and its workers may only go on a little later.
GAP_S = 1.0
# The waiting thread notices a death by itself within 0.2 s, unless it sits in a read.
STUCK_S = 0.75
ZEROS = bytes(1 << 16)  # what a pipe takes at once
WAKE_S = 5.0  # for one look
PIPE_WAIT_S = 0.05  # for the reader to take what was written
RETIRED = "_holter_retired"  # on a queue whose workers were replaced


class Sight:
    """The workers, the queue and the lock of one iterator, as far as the guard uses them."""

    def __init__(self) -> None:
        self.workers: list[Any] = []
        self.results: Any = None  # the queue that the workers write to
        self.lock: Any = None  # of the event that ends the workers
        self.since: float | None = None  # start of the current wait for a batch
        self.closing: float | None = None  # start of the shutdown
        self.busy = threading.RLock()  # held while workers are ended or replaced
        self._stopped: dict[int, float] = {}
        self._dead_since: float | None = None
        self.killed = 0  # workers that were ended here, and not by themselves
        self._reasons: list[Remark] = []
        self._number: int | None = None

    def forget(self) -> None:
        """Drop the references to workers, queue and lock of an ended iterator, so that their semaphores are freed."""
        with self.busy:
            self.workers, self.results, self.lock = [], None, None

    def take_reasons(self) -> tuple[tuple[Remark, ...], int | None]:
        """Return why the guard has ended workers, and the number of the supervisor's request for it (None: no request).

        Each reason and number is returned only once.
        """
        reasons, self._reasons = tuple(self._reasons), []
        number, self._number = self._number, None
        return reasons, number

    def look(self, now: float, *, gap: bool) -> None:
        """Check the workers once, and kill all of them if one is stopped or dead.

        ``now``: CLOCK_MONOTONIC seconds. ``gap``: this process itself was paused since the last check.
        """
        with self.busy:
            self._look(now, gap=gap)

    def _look(self, now: float, *, gap: bool) -> None:
        since = self.closing if self.since is None else self.since
        if since is None or gap:
            self._stopped, self._dead_since = {}, None
            return
        stopped = {process.pid for process in self.workers if is_stopped(process.pid)}
        self._stopped = {pid: self._stopped.get(pid, now) for pid in stopped}
        frozen = [pid for pid, first in self._stopped.items() if now - first >= STOPPED_S]
        if frozen:
            self._end(*self._stopped_of(frozen))
        if not any(self._has_failed(process) for process in self.workers):
            self._dead_since = None
        elif self._dead_since is None:
            self._dead_since = now
        elif now - max(self._dead_since, since) >= STUCK_S:
            self.end_workers()
            self.wake_reader(lambda: since in (self.since, self.closing), WAKE_S)
            if self.closing is not None and not self._living():
                free_lock(self.lock)

    def _has_failed(self, process: Any) -> bool:
        code = children.peek_exit_code(process)
        # While it closes, workers return; with an unknown code they are taken to have returned.
        return code is not None and (code not in (0, children.UNKNOWN_CODE) or self.closing is None)

    def _living(self) -> list[Any]:
        return [process for process in self.workers if children.peek_exit_code(process) is None]

    def _stopped_of(self, pids: list[int]) -> tuple[Remark, ...]:
        return tuple(
            remark("worker-stopped", worker=worker(index, process.pid))
            for index, process in enumerate(self.workers)
            if process.pid in pids and children.peek_exit_code(process) is None
        )

    def _end(self, *reasons: Remark) -> None:
        # All workers: the waiting thread replaces all of them as soon as it notices one death. Their PIDs are reported
        # before they end, else the recorder would take them for victims.
        if not reasons:
            return
        if self.since is not None:
            self._reasons += reasons
            living = [process.pid for process in self.workers if children.peek_exit_code(process) is None]
            control.tell(ACTION, "begun", *reasons, number=self._number, pids=living)
        self.end_workers()

    def end_for(self, number: int) -> bool:
        """Kill all workers if one of them is stopped, for the supervisor's request with this number.

        Return False if no worker is stopped and none is dead. Then nothing was done: the workers may only be slow, and
        new ones would take as long for the same sample.
        """
        with self.busy:
            stopped = self._stopped_of([process.pid for process in self.workers if is_stopped(process.pid)])
            if stopped:
                self._number = number
                self._end(*stopped)
            return bool(stopped) or any(self._has_failed(process) for process in self.workers)

    def in_hand(self) -> list[str]:
        """Return the samples that the workers are loading, as far as their heartbeat pages say."""
        found = []
        for process in self.workers:
            with contextlib.suppress(OSError):
                with open(os.path.join(RUNTIME.scratch, f"beat-{process.pid}"), "rb") as file:  # noqa: PTH118, PTH123
                    seen = layout.decode(file.read())
                found += [seen.case] if seen is not None and seen.case else []
        return found

    def end_workers(self) -> None:
        """Kill all workers that are alive, and wait up to ``KILLED_WITHIN_S`` until they have ended."""
        living = self._living()
        children.ending(living, expected=True)
        self.killed += len(living)
        for process in living:
            process.kill()
        end = time.monotonic() + KILLED_WITHIN_S
        while time.monotonic() < end:
            if all(children.peek_exit_code(process) is not None for process in living):
                break
            time.sleep(0.005)
        children.report(living)

    def wake_reader(self, reads: Callable[[], bool], within_s: float) -> None:
        """Write to the results pipe until the thread that waits for it wakes up, while ``reads()`` is true.

        Call it only when all workers are dead. If their last message is complete, an empty result is enough. If a
        worker died in the middle of a message, the missing bytes are written, which may be hundreds of megabytes. The
        queue's own lock is not taken: a dead worker may hold it.
        """
        end = time.monotonic() + within_s
        with contextlib.suppress(OSError, ValueError):
            # A second way into the same pipe: only here a write does not block.
            pipe = os.open(f"/proc/self/fd/{self.results._writer.fileno()}", os.O_WRONLY | os.O_NONBLOCK)
            try:
                empty = pickle.dumps((None, None))
                piece = len(empty).to_bytes(4, "big") + empty
                room = select.poll()  # select() takes no descriptor above 1023
                room.register(pipe, select.POLLOUT)
                while reads() and time.monotonic() < end:
                    if room.poll(PIPE_WAIT_S * 1000):
                        os.write(pipe, piece)
                        piece = ZEROS
            finally:
                os.close(pipe)


_sights: weakref.WeakSet[Sight] = weakref.WeakSet()


class _Thread:
    owner: int | None = None  # a forked process has no such thread


def look_after(sight: Sight) -> None:
    """Guard this iterator from now on, and accept the supervisor's requests for it."""
    _sights.add(sight)
    if control.HANDLERS.get(ACTION) is not _ask:
        previous = control.HANDLERS.get(ACTION)
        if previous is not None:
            _others.append(previous)
        control.on(ACTION, _ask)
    if _Thread.owner != os.getpid():
        _Thread.owner = os.getpid()
        threading.Thread(target=_guard, name="holter-guard", daemon=True).start()
        from multiprocessing.util import Finalize

        # Python waits for its children at the exit, and a stopped one does not end by SIGTERM.
        Finalize(None, _end_stopped_at_exit, exitpriority=900)


def lost_a_worker(results: Any, within_s: float) -> bool:
    """Return whether a worker that writes to this queue is dead, or dies within ``within_s`` seconds."""
    if getattr(results, RETIRED, False):
        return True
    end = time.monotonic() + within_s
    while True:
        watched = [sight for sight in list(_sights) if sight.results is results]
        if not watched:
            return False
        if any(children.peek_exit_code(process) is not None for sight in watched for process in sight.workers):
            return True
        if time.monotonic() >= end:
            return False
        time.sleep(0.01)


def answer_refused(why_not: Remark) -> None:
    """Answer the supervisor's requests with this, unless an iterator that is guarded waits for a batch."""
    _refusals.append(why_not)
    if ACTION not in control.HANDLERS:
        control.on(ACTION, _refuse)
    elif control.HANDLERS[ACTION] is _ask and not _others:
        _others.append(_refuse)


_others: list[Any] = []
_refusals: list[Remark] = []


def _refuse(number: int, _text: str) -> None:
    control.tell(ACTION, "failed", *_refusals, number=number)


def _ask(number: int, text: str) -> None:
    waiting = [sight for sight in list(_sights) if sight.since is not None]
    if any(sight.end_for(number) for sight in waiting):
        return
    if _others and not waiting:
        _others[0](number, text)
        return
    samples = [sample for sight in waiting for sample in sight.in_hand()]
    why = remark("workers-live-in-hand", samples=", ".join(samples)) if samples else remark("workers-live")
    control.tell(ACTION, "failed", why, number=number)


def _look_at_all(now: float, *, gap: bool) -> None:
    # On its own: a variable of the thread would keep the last one, with its semaphores, until the exit.
    for sight in list(_sights):
        sight.look(now, gap=gap)


def _guard() -> None:
    owner, before = os.getpid(), time.monotonic()
    name_thread()
    while owner == os.getpid():
        time.sleep(LOOK_S)
        now = time.monotonic()
        with quietly("guard"):
            _look_at_all(now, gap=now - before > GAP_S)
        before = now


def _end_stopped_at_exit() -> None:
    for sight in list(_sights):
        with contextlib.suppress(Exception):
            if any(is_stopped(process.pid) for process in sight.workers):
                sight.end_workers()
