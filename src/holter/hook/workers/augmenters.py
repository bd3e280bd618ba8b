"""Record what the main process does at the batch queue: which augmenter it waits for, and how workers ended."""

from __future__ import annotations

import functools
import sys
import weakref
from collections.abc import Callable
from types import ModuleType
from typing import Any

from .. import page as layout
from .. import permissions
from ..remarks import remark
from ..runtime import RUNTIME, nobody, quietly
from . import beats, children, failure, restart
from .parts import ONE_QUEUE, QUEUE_EACH, Parts, never_ends, parts_of, thread_of
from .teardown import EXPECTED_TO_END

WATCHED = "_holter_augmenter"  # the attribute with the names of its parts
TRAIN, VAL = layout.WAITS.index("train-batch"), layout.WAITS.index("val-batch")


class Loaders:
    """Which augmenter is which: the first one seen after ``expect`` feeds training, the second validation.

    The references are weak: an augmenter ends its workers when it is deleted, and Holter must not delay that.
    """

    def __init__(self) -> None:
        self.train: Callable[[], Any] = nobody
        self.val: Callable[[], Any] = nobody

    def expect(self) -> None:
        """Forget the known augmenters: the trainer is about to create new ones."""
        self.train = self.val = nobody

    def confirm(self, train: Any, val: Any) -> None:
        """Set the augmenters from the trainer's attributes; None is ignored."""
        if train is not None:
            self.train = weakref.ref(train)
        if val is not None:
            self.val = weakref.ref(val)

    def kind(self, augmenter: Any) -> int:
        """Return the kind of a wait for this augmenter: TRAIN or VAL."""
        train = self.train()
        if augmenter is train:
            return TRAIN
        if augmenter is not self.val():
            if train is None:
                self.train = weakref.ref(augmenter)
                return TRAIN
            self.val = weakref.ref(augmenter)
        return VAL


LOADERS = Loaders()


def _watch_next(cls: Any, *, in_process: bool, loader: str = "") -> None:
    original = cls.__next__
    reported: list[str] = []
    filled = parts_of(cls).ready

    @functools.wraps(original)
    def __next__(self: Any) -> Any:  # noqa: N807
        if loader and not reported:
            reported.append(loader)
            RUNTIME.record_ability("loader", True, loader)
        with quietly("begin-wait"):
            # Publish only if no batch is ready: otherwise there is no wait, and publishing would only cost time.
            ready = None if in_process else getattr(self, filled, None)
            RUNTIME.page.begin_wait(LOADERS.kind(self), publish=ready is None or not ready.queue)
        try:
            batch = original(self)
        except BaseException as error:
            if in_process and isinstance(error, Exception) and not isinstance(error, StopIteration):
                RUNTIME.record_exception(error, error.__traceback__)
            RUNTIME.wait_over()
            raise
        with quietly("end-wait"):
            RUNTIME.page.end_wait()
            if in_process:
                RUNTIME.take_case("")
        return batch

    cls.__next__ = __next__


def patch_single(module: ModuleType) -> None:
    """Watch the augmenter that prepares batches in the main process (``nnUNet_n_proc_DA=0``)."""
    _watch_next(module.SingleThreadedAugmenter, in_process=True, loader="single-process")


def patch_feed(module: ModuleType) -> None:
    """Watch Holter's own loader, which works in threads of this process: same heartbeats, no workers."""
    _watch_next(module.Feed, in_process=True, loader="holter")


def patch_loader_log(module: ModuleType) -> None:
    """Record the case of a file whose read hangs as the current case, and report every problem with a file.

    Called in threads of the loader; meanwhile the main process waits for the batch and writes nothing.
    """
    cls = module.LoaderLog
    original = cls.trouble

    @functools.wraps(original)
    def trouble(self: Any, trouble: Any) -> None:
        with quietly("read-trouble"):
            file, mount, fs_type = (str(part or "-") for part in (trouble.file, trouble.mount, trouble.fs_type))
            problem = remark(
                f"case-{trouble.kind}",
                case=str(trouble.case),
                file=file,
                mount=mount,
                fs_type=fs_type,
                # Holter's own words come with a code, by which the reader of the recording translates them.
                detail=trouble.detail.as_remark() if hasattr(trouble.detail, "as_remark") else str(trouble.detail),
            )
            RUNTIME.emit("note", what="read-trouble", say=[problem])
            if trouble.kind == "hung":
                RUNTIME.take_case(trouble.case)
        original(self, trouble)

    cls.trouble = trouble


def patch_nondet(module: ModuleType) -> None:
    """Watch the augmenter with worker processes."""
    patch_class(module, module.NonDetMultiThreadedAugmenter)


def patch_multi(module: ModuleType) -> None:
    """Watch the older augmenter with worker processes. nnU-Net v2 imports it too, and does not use it."""
    beats.patch_producer(module, may_end=True)
    patch_class(module, module.MultiThreadedAugmenter, QUEUE_EACH)


def patch_class(module: ModuleType, cls: Any, parts: Parts = ONE_QUEUE, *, may_replace: bool = True) -> None:
    """Watch a class of augmenters with worker processes; ``module`` has its functions for workers and results."""
    setattr(cls, WATCHED, parts)  # inherited: a subclass is watched through it
    heals = may_replace and permissions.is_allowed("workers") and _wait_here(module, cls)
    _watch_start(cls)
    _watch_finish(cls)
    _watch_next(cls, in_process=False, loader="batchgenerators" if parts is ONE_QUEUE else "batchgenerators-old")
    if parts is ONE_QUEUE:
        RUNTIME.record_ability("replace-workers", heals)
    else:
        _tell_at_start(cls, heals)
    if heals:
        restart.finish_here(cls)  # outermost: it must not query the abort event, whose lock may never be released


def _tell_at_start(cls: Any, heals: bool) -> None:
    # Whether its workers can be replaced depends on the data loader.
    original = cls._start

    @functools.wraps(original)
    def _start(self: Any) -> Any:
        may = heals and never_ends(getattr(self, "generator", None))
        RUNTIME.record_ability("replace-workers", may)
        result = original(self)
        if not may and (thread := thread_of(self)) is not None:
            failure.LEFT_ALONE.add(thread)
        return result

    cls._start = _start


def _wait_here(module: ModuleType, cls: Any) -> bool:
    with quietly("replace"):
        restart.wait_here(module, cls)
        return True
    return False


def _watch_start(cls: Any) -> None:
    original = cls._start

    @functools.wraps(original)
    def _start(self: Any) -> Any:
        before: set[int] = set()
        role = "val-worker"
        with quietly("start"):
            before.update(map(id, self._processes))
            if LOADERS.kind(self) == TRAIN:
                role = "train-worker"
            beats.announce(self.generator, role)
        try:
            return original(self)
        finally:
            with quietly("started"):
                beats.withdraw(self.generator)
                children.watch_queues(LOADERS)
                for index, process in enumerate(self._processes):
                    if id(process) not in before:
                        children.adopt(process, role, index)

    cls._start = _start


def _watch_finish(cls: Any) -> None:
    original = cls._finish
    is_finalizing = sys.is_finalizing  # a local reference: globals are gone when exit deletes the augmenters

    @functools.wraps(original)
    def _finish(self: Any, *args: Any, **kwargs: Any) -> Any:
        if is_finalizing():
            return original(self, *args, **kwargs)
        processes: list[Any] = []
        with quietly("finish"):
            processes = list(self._processes)
            children.report(processes)  # those that had ended before
            orderly = self.abort_event is not None and not self.abort_event.is_set()
            children.ending(processes, expected=orderly)
            if orderly and (thread := thread_of(self)) is not None:
                # It may be between its look at the abort event and its look at the workers, which end now.
                EXPECTED_TO_END.add(thread)
        try:
            return original(self, *args, **kwargs)
        finally:
            with quietly("finished"):
                children.report(processes)

    cls._finish = _finish
