"""Record what a data worker does: its current case, its progress, and the exception that ended it."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any

from ..runtime import RUNTIME, quietly

# Set on the data loader while its workers start: it is pickled with the loader if workers are not forked.
ROLE_ATTRIBUTE = "_holter_role"

_announced = "train-worker"  # inherited by forked workers, for loaders that take no attribute


def announce(loader: Any, role: str) -> None:
    """Set the role of the workers that start next, and that of ``loader``, the data loader which they run."""
    global _announced
    _announced = role
    with contextlib.suppress(AttributeError, TypeError):  # a plain generator takes no attribute
        setattr(loader, ROLE_ATTRIBUTE, role)


def withdraw(loader: Any) -> None:
    """Remove the role that ``announce`` has set on the user's data loader."""
    getattr(loader, "__dict__", {}).pop(ROLE_ATTRIBUTE, None)


class WatchedLoader:
    """Wraps the data loader inside a worker: every batch is a heartbeat, every exception an event."""

    def __init__(self, loader: Any, *, may_end: bool = False) -> None:
        """``may_end``: whether the worker expects the end of the data, and tells it to the main process."""
        self._loader = loader
        self._may_end = may_end

    def __iter__(self) -> WatchedLoader:
        return self

    def __next__(self) -> Any:
        began = time.monotonic()
        try:
            batch = next(self._loader)
        except Exception as error:
            if not (self._may_end and isinstance(error, StopIteration)):
                RUNTIME.record_exception(error, error.__traceback__)
            raise
        with quietly("produced"):
            produced(began)
        return batch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


def produced(began: float) -> None:
    """Count a batch that was begun at ``began`` (CLOCK_MONOTONIC seconds)."""
    page = RUNTIME.page
    page.compute = time.monotonic() - began
    page.compute_total += page.compute
    page.steps_total += 1
    RUNTIME.progress()
    if page.case:
        RUNTIME.take_case("")


def patch_producer(module: ModuleType, *, may_end: bool = False) -> None:
    """Wrap the function that a worker runs. It stays picklable: spawned workers find it under its own name.

    ``may_end``: whether this function expects the end of the data.
    """
    original = module.producer

    @functools.wraps(original)
    def producer(queue: Any, data_loader: Any, transform: Any, thread_id: int, *args: Any, **kwargs: Any) -> Any:
        with quietly("producer"):
            RUNTIME.open(getattr(data_loader, ROLE_ATTRIBUTE, _announced), worker_index=thread_id)
            withdraw(data_loader)
            watch_feeder()
            data_loader = WatchedLoader(data_loader, may_end=may_end)
            transform = _watched_transform(transform)
        try:
            result = original(queue, data_loader, transform, thread_id, *args, **kwargs)
        except Exception as error:
            RUNTIME.record_exception(error, error.__traceback__)
            raise
        RUNTIME.emit("returned")
        RUNTIME.cleanup()
        return result

    module.producer = producer  # type: ignore[attr-defined]


def _watched_transform(transform: Callable[..., Any] | None) -> Callable[..., Any] | None:
    if transform is None:
        return None

    def watched(**item: Any) -> Any:
        try:
            return transform(**item)
        except Exception as error:
            RUNTIME.record_exception(error, error.__traceback__)
            raise

    return watched


def watch_feeder() -> None:
    """Record batches that could not be sent: the queue prints such an error and drops the batch."""
    from multiprocessing.queues import Queue

    original = Queue._on_queue_feeder_error  # type: ignore[attr-defined]

    def _on_queue_feeder_error(error: Exception, item: Any) -> None:
        RUNTIME.record_exception(error, error.__traceback__, thread="QueueFeederThread")
        original(error, item)

    Queue._on_queue_feeder_error = staticmethod(_on_queue_feeder_error)  # type: ignore[attr-defined]


def patch_datasets(module: ModuleType) -> None:
    """Record the current case whenever one is loaded, in every dataset class of the module."""
    for cls in list(vars(module).values()):
        method = vars(cls).get("load_case") if isinstance(cls, type) else None
        if isinstance(method, FunctionType) and not getattr(method, "__isabstractmethod__", False):
            cls.load_case = _watched_load(method)


def _watched_load(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def load_case(self: Any, *args: Any, **kwargs: Any) -> Any:
        with quietly("load-case"):
            RUNTIME.take_case(str(args[0] if args else next(iter(kwargs.values()))))
            if RUNTIME.phase() == "final-validation":
                RUNTIME.progress()
        return original(self, *args, **kwargs)

    return load_case
