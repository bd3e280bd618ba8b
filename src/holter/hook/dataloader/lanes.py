"""A worker of a DataLoader: its role, the sample in hand, its batches, and its exceptions."""

from __future__ import annotations

import functools
import inspect
import os
import time
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from .. import page as layout
from ..runtime import RUNTIME
from ..workers import beats

WORKER_ROLES = (layout.ROLES.index("train-worker"), layout.ROLES.index("val-worker"))
# Spawned workers inherit the environment; those of a fork server are taken for training workers.
ROLE_VARIABLE = "HOLTER_WORKER_ROLE"
MOST_TEXT = 150  # the page keeps 182 bytes

_role: str | None = None  # inherited by forked workers


def announce(role: str | None) -> None:
    """Set the role of the workers that are started next; None ends the announcement."""
    global _role
    _role = role
    if role is None:
        os.environ.pop(ROLE_VARIABLE, None)
    else:
        os.environ[ROLE_VARIABLE] = role


def patch_worker_loop(module: ModuleType) -> None:
    """Wrap the function that a worker runs. It stays picklable: spawned workers find it under its own name."""
    original = module._worker_loop
    place = list(inspect.signature(original).parameters).index("worker_id")

    @functools.wraps(original)
    def _worker_loop(*args: Any, **kwargs: Any) -> Any:
        try:
            role = _role or os.environ.pop(ROLE_VARIABLE, None) or "train-worker"
            RUNTIME.activate("torch")  # only a process that was not forked is not awake yet
            RUNTIME.open(role, worker_index=kwargs.get("worker_id", args[place] if len(args) > place else None))
            beats.watch_feeder()
        except Exception as error:
            RUNTIME.record_error("worker-loop", error)
        result = original(*args, **kwargs)
        RUNTIME.emit("returned")
        RUNTIME.cleanup()
        return result

    module._worker_loop = _worker_loop  # type: ignore[attr-defined]


def patch_fetch(module: ModuleType) -> None:
    """Record the sample in hand, every batch and every exception, in a worker or where no worker is used."""
    for name in ("_MapDatasetFetcher", "_IterableDatasetFetcher"):
        cls = getattr(module, name)
        cls.fetch = _watched_fetch(cls.fetch, by_index=name == "_MapDatasetFetcher")


def _watched_fetch(original: Callable[[Any, Any], Any], *, by_index: bool) -> Callable[[Any, Any], Any]:
    @functools.wraps(original)
    def fetch(self: Any, possibly_batched_index: Any) -> Any:
        if not RUNTIME.opened:
            return original(self, possibly_batched_index)
        began, wanted = time.monotonic(), possibly_batched_index
        is_worker = RUNTIME.page.role in WORKER_ROLES
        try:
            wanted = _in_hand(self, possibly_batched_index) if by_index else _named(self, possibly_batched_index)
        except Exception as error:
            RUNTIME.record_error("fetch", error)
        try:
            data = original(self, wanted)
        except Exception as error:
            if is_worker and not isinstance(error, StopIteration):
                RUNTIME.record_exception(error, error.__traceback__)
            raise
        try:
            if is_worker:
                beats.produced(began)
            elif RUNTIME.page.case:
                RUNTIME.take_case("")
        except Exception as error:
            RUNTIME.record_error("fetched", error)
        return data

    return fetch


class SampleIndices(list):  # type: ignore[type-arg]
    """The indices of one batch; taking one out in a loop makes it the current case."""

    dataset = ""

    def __iter__(self) -> Iterator[Any]:
        for index in list.__iter__(self):
            RUNTIME.take_case(_text(self.dataset, index))
            yield index


def _in_hand(fetcher: Any, wanted: Any) -> Any:
    dataset = type(fetcher.dataset).__name__
    takes_all = bool(getattr(fetcher.dataset, "__getitems__", None))
    if fetcher.auto_collation and type(wanted) is list and not takes_all:
        indices = SampleIndices(wanted)
        indices.dataset = dataset
        return indices
    RUNTIME.take_case(_text(dataset, wanted))
    return wanted


def _named(fetcher: Any, wanted: Any) -> Any:
    RUNTIME.take_case(type(fetcher.dataset).__name__)
    return wanted


def _text(dataset: str, index: Any) -> str:
    # As in Python: ``Slices[57]``. A tensor as index is read as the number that it is.
    shown = repr(index.item() if getattr(index, "ndim", None) == 0 else index)
    return f"{dataset}[{shown}]"[:MOST_TEXT]
