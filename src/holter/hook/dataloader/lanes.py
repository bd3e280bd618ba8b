"""Record what a worker of a DataLoader does: its role, its current sample, its batches, its exceptions."""

from __future__ import annotations

import functools
import inspect
import multiprocessing
import os
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

from .. import page as layout
from ..runtime import RUNTIME, quietly
from ..workers import beats
from . import samples

WORKER_ROLES = (layout.ROLES.index("train-worker"), layout.ROLES.index("val-worker"))
# Spawned workers inherit the environment; those of a fork server are taken for training workers.
ROLE_VARIABLE = "HOLTER_WORKER_ROLE"

_role: str | None = None  # inherited by forked workers
_is_in_environment = False


def announce(role: str | None, context: Any = None) -> None:
    """Set the role of the workers that are started next, in this context of multiprocessing; None ends it.

    The environment is changed only for spawned workers: native code of other threads may read it meanwhile.
    """
    global _role, _is_in_environment
    _role = role
    if role is not None and (context or multiprocessing).get_start_method(allow_none=True) == "spawn":
        os.environ[ROLE_VARIABLE] = role
        _is_in_environment = True
    elif _is_in_environment:
        os.environ.pop(ROLE_VARIABLE, None)
        _is_in_environment = False


def patch_worker_loop(module: ModuleType) -> None:
    """Wrap the function that a worker runs. It stays picklable: spawned workers find it under its own name."""
    original = module._worker_loop
    names = list(inspect.signature(original).parameters)
    place = names.index("worker_id") if "worker_id" in names else len(names)  # another torch: not known

    @functools.wraps(original)
    def _worker_loop(*args: Any, **kwargs: Any) -> Any:
        with quietly("worker-loop"):
            role = _role or os.environ.pop(ROLE_VARIABLE, None) or "train-worker"
            RUNTIME.activate("torch")  # only a process that was not forked is not awake yet
            RUNTIME.open(role, worker_index=kwargs.get("worker_id", args[place] if len(args) > place else None))
            beats.watch_feeder()
        result = original(*args, **kwargs)
        RUNTIME.emit("returned")
        RUNTIME.cleanup()
        return result

    module._worker_loop = _worker_loop  # type: ignore[attr-defined]


def patch_fetch(module: ModuleType) -> None:
    """Record the current sample, every batch and every exception, in workers and in a loader without workers."""
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
        with quietly("fetch"):
            dataset = type(self.dataset).__name__
            wanted = samples.in_hand(self, possibly_batched_index, dataset) if by_index else wanted
            if not by_index:
                RUNTIME.take_case(dataset)
        try:
            data = original(self, wanted)
        except Exception as error:
            if is_worker and not isinstance(error, StopIteration):
                samples.name_current(wanted)
                RUNTIME.record_exception(error, error.__traceback__)
            raise
        with quietly("fetched"):
            samples.learn_pace(self, wanted, time.monotonic() - began)
            if is_worker:
                beats.produced(began)
            elif RUNTIME.page.case:
                RUNTIME.take_case("")
        return data

    return fetch
