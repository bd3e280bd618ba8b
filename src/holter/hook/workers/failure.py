"""Why an augmenter gives no batches: a dead worker, a results loop that has ended, or frozen workers.

Dead workers and loops are detected here. The supervisor decides that a worker is frozen and not only slow
(``control``); here it is only confirmed that the freeze still lasts.
"""

from __future__ import annotations

import functools
import signal
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

from .. import control
from ..remarks import Remark, remark, worker
from ..runtime import RUNTIME
from .parts import thread_of
from .teardown import EXPECTED_TO_END

ACTION = "replace-workers"
TICK_S = 0.1  # a batch wakes the main thread at once; a death or a request is noticed within this time
# The results loop ends before the worker whose exception it received: time for that worker to exit.
AFTER_ABORT_S = 0.5
# Frozen: no batch for this long, or a worker that is stopped. A request that arrives after the freeze finds neither
# and does nothing.
FROZEN_S = 2.0
# A main thread that has not reached such a wait by now is busy with something else; a new request costs nothing.
PATIENCE_S = 5.0
# The kernel kills processes with these signals when memory or /dev/shm is full.
OUT_OF_MEMORY = (-signal.SIGKILL, -signal.SIGBUS)


class AugmenterFailure(NamedTuple):
    """Why an augmenter gives no batches."""

    said: tuple[Remark, ...]
    number: int | None  # of the request, if there was one
    culprits: tuple[int, ...] = ()  # PIDs of the workers that ended by themselves
    frozen: bool = False  # else its results loop or a worker has ended: no batch can come any more
    starved: bool = False
    error: BaseException | None = None  # the exception that ended the results loop


requests: deque[tuple[int, str]] = deque()
# Results loops whose workers are not replaced: their exceptions are printed as without us.
LEFT_ALONE: weakref.WeakSet[threading.Thread] = weakref.WeakSet()
_errors: weakref.WeakKeyDictionary[threading.Thread, BaseException] = weakref.WeakKeyDictionary()


def detect(augmenter: Any, waited_s: float) -> AugmenterFailure | None:
    """Return what is wrong with an augmenter after a wait of ``waited_s``; None if no failure is known."""
    thread = thread_of(augmenter)
    dead = _dead(augmenter)
    if not dead and not thread.is_alive():
        end = time.monotonic() + AFTER_ABORT_S
        while not dead and time.monotonic() < end:
            time.sleep(TICK_S / 10)
            dead = _dead(augmenter)
    error = _errors.get(thread)
    if dead:
        # The abort event makes the others return. If all have returned, one of them has raised an exception.
        dead = [process for process in dead if process.exitcode != 0] or dead
        endings = tuple(_ending(augmenter, process) for process in dead)
        starved = any(process.exitcode in OUT_OF_MEMORY for process in dead)
        return AugmenterFailure(endings, _take(), tuple(process.pid for process in dead), starved=starved, error=error)
    if not thread.is_alive():
        loop = remark("loop-ended") if error is None else remark("loop-raised", error=repr(error))
        return AugmenterFailure((loop,), _take(), error=error)
    return _find_frozen(augmenter, waited_s) if requests else None


def _find_frozen(augmenter: Any, waited_s: float) -> AugmenterFailure | None:
    stopped = [process for process in started(augmenter) if is_stopped(process.pid)]
    remarks = tuple(remark("worker-stopped", worker=_name(augmenter, process)) for process in stopped)
    if not stopped and waited_s < FROZEN_S:
        return None
    number = _take()
    if number is None:  # timed out just now
        return None
    return AugmenterFailure(remarks or (remark("no-batch", waited=waited_s),), number, frozen=True)


def started(augmenter: Any) -> list[Any]:
    """Return the augmenter's workers that were really started: fewer than configured if a start failed."""
    return [process for process in augmenter._processes if process.pid is not None]


def _dead(augmenter: Any) -> list[Any]:
    return [process for process in started(augmenter) if process.exitcode is not None]


def is_stopped(pid: int) -> bool:
    """Whether a signal stopped the process (a stack dumper, which only pauses it, does not count)."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
            return file.read().rpartition(b")")[2].split()[0] == b"T"
    except (OSError, IndexError):
        return False


def _name(augmenter: Any, process: Any) -> dict[str, Any]:
    return worker(augmenter._processes.index(process), process.pid)


def _ending(augmenter: Any, process: Any) -> Remark:
    who, code = _name(augmenter, process), process.exitcode
    if code == 0:
        return remark("worker-returned", worker=who)
    try:
        return remark("worker-killed", worker=who, signal=signal.Signals(-code).name)
    except ValueError:
        return remark("worker-exited", worker=who, exit_code=code)


# ----------------------------------------------------------------------------------------------------- requests


def ask(number: int, text: str) -> None:
    """Accept the supervisor's request to replace workers (its ``number``; ``text`` is its reason).

    The main thread carries it out when it next waits for a batch. If that does not happen in PATIENCE_S, it fails.
    """
    request = (number, text)
    requests.append(request)
    timer = threading.Timer(PATIENCE_S, _give_up, (request,))
    timer.daemon = True
    timer.start()


def _take() -> int | None:
    try:
        return requests.popleft()[0]
    except IndexError:
        return None


def _give_up(request: tuple[int, str]) -> None:
    try:
        requests.remove(request)
    except (ValueError, IndexError):  # the main thread has taken it
        return
    if _has_siblings():  # every rank got the request, and another one may have carried it out
        return
    control.tell(ACTION, "failed", remark("nothing-replaced", frozen=FROZEN_S, within=PATIENCE_S), number=request[0])


def _has_siblings() -> bool:
    # Whether several processes train together, one per GPU.
    distributed = getattr(sys.modules.get("torch"), "distributed", None)
    return bool(distributed is not None and distributed.is_available() and distributed.is_initialized())


# -------------------------------------------------------------------------------------------- the results loop


def watch_results_loop(module: ModuleType, heals: Callable[[BaseException], bool]) -> None:
    """Keep the exception that ends this thread, and print it only if ``heals`` does not repair its effect."""
    original = module.results_loop

    @functools.wraps(original)
    def results_loop(*args: Any, **kwargs: Any) -> None:
        try:
            original(*args, **kwargs)
        except Exception as error:
            thread = threading.current_thread()
            if thread in EXPECTED_TO_END:
                return
            _errors[thread] = error
            if thread in LEFT_ALONE or not heals(error):
                raise
            RUNTIME.record_exception(error, error.__traceback__, thread.name)

    module.results_loop = results_loop  # type: ignore[attr-defined]
