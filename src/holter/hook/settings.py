"""Settings that a user or a remedy chose for the data workers, where nnU-Net has none: environment variables.

``HOLTER_SHARING``: how tensors get from process to process, file_descriptor or file_system.
``HOLTER_START_METHOD``: how workers begin, fork, forkserver or spawn.
``HOLTER_CACHED_BATCHES``: the most batches that are kept in each queue of an augmenter.
A value that cannot be used is told as trouble of the hook, and the training goes on without it.
"""

from __future__ import annotations

import functools
import os
from types import ModuleType
from typing import Any

# What the augmenter's module has from ``multiprocessing``, by which workers and their queues are made.
MADE_BY_CONTEXT = ("Process", "Queue", "Event")


def patch_sharing(module: ModuleType) -> None:
    """Hand tensors over through named files where that was chosen.

    A worker that is stopped or dies then takes no descriptor with it that the main process must still ask it for.
    """
    strategy = os.environ.get("HOLTER_SHARING")
    if strategy:
        module.set_sharing_strategy(strategy)


def patch_start_method(module: ModuleType) -> None:
    """Have the augmenter's workers begin as chosen; all other processes of the training begin as ever.

    A worker that is not forked inherits no lock, no thread pool and no half-done work of the main process.
    """
    method = os.environ.get("HOLTER_START_METHOD")
    if not method:
        return
    from multiprocessing import get_context

    context = get_context(method)
    if any(not hasattr(module, name) for name in MADE_BY_CONTEXT):
        raise NotImplementedError("this augmenter makes its workers in another way")
    for name in MADE_BY_CONTEXT:
        setattr(module, name, getattr(context, name))


def patch_cached(module: ModuleType) -> None:
    """Keep no more batches ready than chosen: they lie in shared memory."""
    most = int(os.environ.get("HOLTER_CACHED_BATCHES") or 0)
    if most < 1:
        return
    cls = module.NonDetMultiThreadedAugmenter
    original = cls._start

    @functools.wraps(original)
    def _start(self: Any) -> Any:
        if not self.initialized:
            self.num_cached = min(int(self.num_cached), most)
        return original(self)

    cls._start = _start
