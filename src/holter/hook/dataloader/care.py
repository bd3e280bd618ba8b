"""Replace the workers of a DataLoader in the middle of an epoch, and request again the batches that they owed.

Only if the user asked for it (``HOLTER_HEAL=workers``), and only where ``refuse`` finds no reason against it. All
workers and the queue of results are replaced: one that was killed may have left half a message in the queue, or may
hold its lock. PyTorch keeps which worker owes which batch; here the indices of each batch are kept as well. The order
of the batches stays. A sample that depends on its index alone is the same as without the failure; random augmentation
continues with other numbers, because new workers with the old seed would repeat what they have drawn already.
"""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import threading
import time
from types import ModuleType
from typing import Any

from .. import control
from ..remarks import Remark, remark, worker
from ..workers import children
from ..workers.failure import ACTION, AFTER_ABORT_S, is_stopped
from ..workers.restart import MOST, RestartHistory
from ..workers.teardown import free_lock
from . import errors, guard, lanes, refuse, roles, watch

TICK_S = 0.2  # a batch wakes the waiting thread at once; a death is noticed within this time
PIN_ENDS_WITHIN_S = 1.0
FRUITLESS = 3  # replacements in a row without a batch between them
SEED_STEP = 0x9E3779B97F4A7C15  # distance of the seeds of two replacements

_past = RestartHistory()


class Care:
    """What is needed to replace the workers of one iterator. It does not keep the iterator alive."""

    def __init__(self, loader: Any, module: ModuleType) -> None:
        self.module = module
        self.owner = os.getpid()
        self.context = loader.multiprocessing_context or sys.modules["torch"].multiprocessing
        self.asked: dict[int, Any] = {}  # number of a batch -> its indices
        self.generation = 0
        self.resumes = 0  # workers that have not answered yet that they begin another epoch
        self.fruitless = 0
        self.pinning: tuple[Any, ...] | None = None  # arguments of the thread that pins memory
        self.pending: tuple[tuple[Remark, ...], float] | None = None  # replaced, but without a batch so far
        self.sight = guard.Sight()

    def learn(self, iterator: Any) -> None:
        """Take over the workers and queues that the iterator has now."""
        self.sight.workers = list(iterator._workers)
        self.sight.results = iterator._worker_result_queue
        self.sight.lock = getattr(getattr(iterator._workers_done_event, "_cond", None), "_lock", None)
        thread = getattr(iterator, "_pin_memory_thread", None)
        if thread is not None:
            self.pinning = tuple(thread._args)

    # ------------------------------------------------------------------------------------------------ the wait

    def get(self, iterator: Any) -> Any:
        """Wait for one result as ``_get_data`` does, and replace workers that died meanwhile."""
        began = time.monotonic()
        error: Exception | None = None
        dead: list[Any] = []
        try:
            while True:
                self.sight.since, error = began, None
                try:
                    result = iterator._data_queue.get(timeout=TICK_S)
                except queue.Empty:
                    dead = self._dead()
                    if not dead:
                        _check_pinning(iterator)
                        if 0 < iterator._timeout <= time.monotonic() - began:
                            raise RuntimeError(f"DataLoader timed out after {iterator._timeout} seconds") from None
                        continue
                except Exception as caught:
                    if not errors.is_of_queue(caught):
                        raise
                    error, dead = caught, self._dead(within_s=AFTER_ABORT_S)
                    if not dead:
                        raise
                else:
                    if result[0] is not None:  # else the guard has woken this thread: workers are dead
                        self._delivered(result)
                        return result
                    dead = self._dead()
                    if not dead:
                        continue
                self.sight.since = None
                with self.sight.busy:
                    self._replace(iterator, dead, error, began)
                began = time.monotonic()
        finally:
            self.sight.since = None
            error, dead = None, []  # an exception refers to this call, and so to the iterator

    def _dead(self, within_s: float = 0.0) -> list[Any]:
        end = time.monotonic() + within_s
        while True:
            dead = [process for process in self.sight.workers if children.peek_exit_code(process) is not None]
            if dead or time.monotonic() >= end:
                return dead
            time.sleep(TICK_S / 10)

    def _delivered(self, result: Any) -> None:
        number = result[0]
        if isinstance(number, self.module._utils.worker._ResumeIteration):
            self.resumes -= 1
        else:
            self.asked.pop(number, None)
        self.fruitless = 0
        if self.pending is not None:
            (said, waits_since), self.pending = self.pending, None
            control.tell(ACTION, "done", *said, remark("next-batch", after=time.monotonic() - waits_since))

    # ----------------------------------------------------------------------------------------- the replacement

    def _replace(self, iterator: Any, dead: list[Any], error: Exception | None, waits_since: float) -> None:
        children.report(dead)
        reasons, number = self.sight.take_reasons()
        said = reasons or tuple(self._ending(process) for process in dead)
        why_not = self._why_not(dead, error)
        if why_not is not None:
            control.tell(ACTION, "failed", *said, why_not, number=number)
            raise RuntimeError(errors.torch_words(dead)) from error
        others = [process for process in self.sight.workers if process not in dead]
        children.ending(others, expected=True)
        if not reasons:  # else the guard has reported it
            control.tell(ACTION, "begun", *said, number=number, pids=[process.pid for process in others])
        _past.replace()
        self.fruitless += 1
        self.generation += 1
        words = errors.torch_words(dead)
        self.sight.end_workers()
        try:
            self._start_again(iterator)
        except Exception as failure:
            if errors.is_of_handler(failure):
                raise
            control.tell(ACTION, "failed", *said, remark("not-started", error=repr(failure)), number=number)
            raise RuntimeError(words) from failure
        again = self._ask_again(iterator)
        killed, self.sight.killed = self.sight.killed, 0
        started = remark("workers-asked-again", ended=killed, started=len(iterator._workers), batches=again)
        self.pending = ((*said, started), waits_since)

    def _why_not(self, dead: list[Any], error: Exception | None) -> Remark | None:
        handled = errors.handled_here(dead)
        if handled is not None:
            return remark("own-signal", signal=handled)
        if "CUDA" in str(error):
            return remark("cuda-error")
        if self.fruitless >= FRUITLESS:
            return remark("no-batch-from-them")
        return remark("replaced-too-often", times=MOST) if _past.is_spent() else None

    def _ending(self, process: Any) -> Remark:
        who = worker(self.sight.workers.index(process), process.pid)
        code = children.peek_exit_code(process) or 0
        if code == children.UNKNOWN_CODE:
            return remark("worker-gone", worker=who)
        if code >= 0:
            return remark("worker-exited", worker=who, exit_code=code)
        return remark("worker-killed", worker=who, signal=errors.signal_name(-code))

    def _start_again(self, iterator: Any) -> None:
        results, done = self.context.Queue(), self.context.Event()
        old, pins = iterator._worker_result_queue, getattr(iterator, "_pin_memory_thread", None)
        self._end_pinning(iterator)
        seed = (int(iterator._base_seed) + self.generation * SEED_STEP) % 2**63
        loop = self.module._utils.worker._worker_loop
        role = roles.WORKER_ROLE.get(iterator.__dict__.get(watch.KIND, roles.TRAIN), "train-worker")
        workers, queues = [], []
        lanes.announce(role, self.context)
        try:
            for number in range(len(self.sight.workers)):
                index_queue = self.context.Queue()
                index_queue.cancel_join_thread()
                own = {"index_queue": index_queue, "data_queue": results, "done_event": done, "base_seed": seed}
                arguments = refuse.worker_arguments(loop, iterator, {**own, "worker_id": number})
                process = self.context.Process(target=loop, args=arguments)
                process.daemon = True
                process.start()
                workers.append(process)
                queues.append(index_queue)
        except BaseException:
            for process in workers:
                process.kill()
            raise
        finally:
            lanes.announce(None)
        for index_queue in iterator._index_queues:
            index_queue.close()
        iterator._workers[:], iterator._index_queues[:] = workers, queues
        iterator._worker_result_queue, iterator._workers_done_event = results, done
        iterator._workers_status = [True] * len(workers)
        self._pin_again(iterator, old)
        self.learn(iterator)
        watch.adopt(iterator, role)
        _close(old, pins)

    def _ask_again(self, iterator: Any) -> int:
        for number in range(self.resumes):  # the epoch was just beginning
            iterator._index_queues[number].put(self.module._utils.worker._ResumeIteration(iterator._shared_seed))
        owed = [(number, info[0]) for number, info in sorted(iterator._task_info.items()) if len(info) == 1]
        for number, place in owed:
            iterator._index_queues[place].put((number, self.asked[number]))
        return len(owed)

    # ------------------------------------------------------------------------------------------------- pinning

    def _end_pinning(self, iterator: Any) -> None:
        thread = getattr(iterator, "_pin_memory_thread", None)
        if thread is None:
            return
        iterator._pin_memory_thread_done_event.set()
        self.sight.wake_reader(thread.is_alive, PIN_ENDS_WITHIN_S)

    def _pin_again(self, iterator: Any, old_results: Any) -> None:
        thread = getattr(iterator, "_pin_memory_thread", None)
        if thread is None or self.pinning is None:
            iterator._data_queue = iterator._worker_result_queue
            return
        fresh: queue.Queue[Any] = queue.Queue()
        done = threading.Event()
        instead = {
            id(old_results): iterator._worker_result_queue,
            id(iterator._data_queue): fresh,
            id(iterator._pin_memory_thread_done_event): done,
        }
        pins = threading.Thread(
            target=self.module._utils.pin_memory._pin_memory_loop,
            args=tuple(instead.get(id(value), value) for value in self.pinning),
            daemon=True,
        )
        pins.start()
        iterator._data_queue, iterator._pin_memory_thread = fresh, pins
        iterator._pin_memory_thread_done_event = done

    # ------------------------------------------------------------------------------------------------- the end

    def before_shutdown(self) -> None:
        """Kill workers that do not answer any more, before PyTorch waits for them and for the locks that they hold."""
        self.sight.closing = time.monotonic()
        children.report(self.sight.workers)  # those that ended by themselves
        dead = [process for process in self.sight.workers if (children.peek_exit_code(process) or 0) != 0]
        if dead or any(is_stopped(process.pid) for process in self.sight.workers):
            with self.sight.busy:
                self.sight.end_workers()
                free_lock(self.sight.lock)


def _close(results: Any, pins: Any) -> None:
    # A thread that still reads would take the next file under this number for its queue: it then keeps the descriptor,
    # and the end of the file ends it.
    setattr(results, guard.RETIRED, True)
    with contextlib.suppress(OSError):
        results._writer.close()
        if pins is not None:
            pins.join(TICK_S)
        if pins is None or not pins.is_alive():
            results._reader.close()


def _check_pinning(iterator: Any) -> None:
    if iterator._pin_memory and not iterator._pin_memory_thread.is_alive():
        raise RuntimeError("Pin memory thread exited unexpectedly")
