"""Wrap what PyTorch's iterator over worker processes does, so that workers which die or freeze are replaced.

When a worker dies whose PID PyTorch knows, PyTorch raises an exception anywhere in the main thread. So it is not given
the PIDs of workers that can be replaced here.
"""

from __future__ import annotations

import functools
import os
import sys
from types import ModuleType
from typing import Any

from .. import permissions
from ..remarks import Remark, remark
from ..runtime import RUNTIME, quietly
from ..workers.failure import AFTER_ABORT_S
from . import guard, refuse, watch
from .care import Care

CARE = "_holter_care"  # on an iterator

_starting: set[int] = set()  # ids of iterators whose workers are being started
_reported: set[str] = set()
_healable: list[str] = []


def patch_dataloader(module: ModuleType) -> None:
    """Wrap PyTorch's iterator over worker processes, so that workers which die or freeze are replaced.

    ``module``: torch.utils.data.dataloader. Without the user's permission it is only recorded which workers could not
    be replaced. If this PyTorch is unknown, only the reason is recorded. An iterator whose workers cannot be replaced
    works as before.
    """
    heals = permissions.is_allowed("workers")
    _note_refused(module, heals=heals)
    if not heals:
        return
    cls = module._MultiProcessingDataLoaderIter
    _watch_init(cls, module)
    if refuse.unknown_torch(module) is not None:  # nothing is replaced, and the reason recorded
        return
    _keep_indices(cls)
    _watch_reset(cls)
    _wait_here(cls)
    _watch_shutdown(cls)
    _hide_pids(module._utils.signal_handling)
    _end_pinning_quietly(module._utils.pin_memory)


def _watch_init(cls: Any, module: ModuleType) -> None:
    original = cls.__init__

    @functools.wraps(original)
    def __init__(self: Any, loader: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        care: Care | None = None
        with quietly("care"):
            if watch.is_ours():
                watch.awake()
                why_not = refuse.why_refused(module, type(self), loader)
                care = None if why_not is not None else Care(loader, module)
                if care is not None:
                    self.__dict__[CARE] = care
                    _starting.add(id(self))
                _report(type(loader.dataset).__name__, why_not)
        try:
            original(self, loader, *args, **kwargs)
        finally:
            _starting.discard(id(self))
        if care is not None:
            with quietly("care"):
                care.learn(self)
                guard.look_after(care.sight)

    cls.__init__ = __init__


def _note_refused(module: ModuleType, *, heals: bool) -> None:
    # So that no report says that --heal would replace them. With it, PyTorch's own iterator reports for itself.
    cls, own = module._BaseDataLoaderIter, module._MultiProcessingDataLoaderIter
    original = cls.__init__

    @functools.wraps(original)
    def __init__(self: Any, loader: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        with quietly("care"):
            if loader.num_workers and watch.is_ours() and not (heals and isinstance(self, own)):
                why_not = refuse.why_refused(module, type(self), loader)
                if why_not is not None:
                    watch.awake()
                    (_report if heals else _note)(type(loader.dataset).__name__, why_not)
        original(self, loader, *args, **kwargs)

    cls.__init__ = __init__


def _report(dataset: str, why_not: Remark | None) -> None:
    if not _note(dataset, why_not):
        return
    if why_not is None and dataset not in _healable:
        _healable.append(dataset)
    if _healable:
        RUNTIME.record_ability("replace-workers", True, ", ".join(_healable))
    elif why_not is not None:
        RUNTIME.record_ability("replace-workers", False, say=why_not)


def _note(dataset: str, why_not: Remark | None) -> bool:
    # Write once why the workers of this data set cannot be replaced; return whether this was not known before.
    key = f"{dataset} {why_not}"
    if key in _reported:
        return False
    _reported.add(key)
    if why_not is not None:
        refusal = remark("loader-refused", dataset=dataset, reason=why_not)
        RUNTIME.emit("note", what="loader-refused", say=[refusal])
        guard.answer_refused(refusal)
    return True


def _keep_indices(cls: Any) -> None:
    original = cls._next_index

    @functools.wraps(original)
    def _next_index(self: Any) -> Any:
        index = original(self)
        care = self.__dict__.get(CARE)
        if care is not None:
            care.asked[self._send_idx] = list(index) if type(index) is list else index
        return index

    cls._next_index = _next_index


def _watch_reset(cls: Any) -> None:
    original = cls._reset

    @functools.wraps(original)
    def _reset(self: Any, loader: Any, first_iter: bool = False, **kwargs: Any) -> Any:
        care = self.__dict__.get(CARE)
        if care is not None:
            care.asked.clear()
            care.resumes = 0 if first_iter else self._num_workers
        return original(self, loader, first_iter, **kwargs)

    cls._reset = _reset


def _wait_here(cls: Any) -> None:
    original = cls._get_data

    @functools.wraps(original)
    def _get_data(self: Any) -> Any:
        care = self.__dict__.get(CARE)
        return original(self) if care is None else care.get(self)

    cls._get_data = _get_data


def _watch_shutdown(cls: Any) -> None:
    original = cls._shutdown_workers
    is_finalizing = sys.is_finalizing

    @functools.wraps(original)
    def _shutdown_workers(self: Any) -> Any:
        care = self.__dict__.get(CARE)
        if care is None or is_finalizing() or self.__dict__.get("_shutdown", True):
            return original(self)
        if care.owner != os.getpid():  # a copy in a forked process: it must not end its parent's workers
            return None
        with quietly("before-shutdown"):
            care.before_shutdown()
        try:
            return original(self)
        finally:
            care.sight.closing = None
            care.sight.forget()

    cls._shutdown_workers = _shutdown_workers


def _hide_pids(module: ModuleType) -> None:
    original = module._set_worker_pids

    def _set_worker_pids(key: int, pids: tuple[int, ...]) -> Any:
        return original(key, () if key in _starting else pids)

    module._set_worker_pids = _set_worker_pids  # type: ignore[attr-defined]


def _end_pinning_quietly(module: ModuleType) -> None:
    original = module._pin_memory_loop

    @functools.wraps(original)
    def _pin_memory_loop(in_queue: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return original(in_queue, *args, **kwargs)
        except Exception:
            if not guard.lost_a_worker(in_queue, AFTER_ABORT_S):  # else its workers are replaced, and the thread too
                raise
            return None

    module._pin_memory_loop = _pin_memory_loop  # type: ignore[attr-defined]
