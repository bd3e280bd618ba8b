"""Environment variables for data workers, set by a user or a remedy, where nnU-Net has no setting.

``HOLTER_SHARING``: how processes share tensors, file_descriptor or file_system.
``HOLTER_START_METHOD``: how workers are started, fork, forkserver or spawn.
``HOLTER_CACHED_BATCHES``: the most batches kept in each queue of an augmenter.
An invalid value is recorded as a failure of the hook, and the training continues without it.
"""

from __future__ import annotations

import functools
import os
from types import ModuleType
from typing import Any

# Names of ``multiprocessing`` in the augmenter's module that create its workers and their queues.
MADE_BY_CONTEXT = ("Process", "Queue", "Event")


def patch_sharing(module: ModuleType) -> None:
    """Set the sharing strategy of torch if the variable is set.

    With file_system, the main process needs no descriptor from a worker that has stopped or died.
    """
    strategy = os.environ.get("HOLTER_SHARING")
    if strategy:
        module.set_sharing_strategy(strategy)


def patch_start_method(module: ModuleType) -> None:
    """Make the augmenter start its workers with the method in HOLTER_START_METHOD; do nothing if it is not set.

    ``module``: of batchgenerators' augmenter; other processes start as before. With forkserver or spawn, a worker
    inherits no locks, thread pools or unfinished work of the main process.
    Raises:  ValueError for an unknown method; NotImplementedError if the augmenter makes its workers in another way.
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
    """Limit the batches kept ready: they occupy shared memory."""
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
