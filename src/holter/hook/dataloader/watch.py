"""Record what the main process does with a DataLoader: epoch, step, the wait for each batch, and ends of workers.

Nothing is recorded in a process before it uses a DataLoader, nor where nnU-Net's trainer reports all this itself.
"""

from __future__ import annotations

import functools
import multiprocessing
import sys
import threading
import weakref
from collections.abc import Callable
from types import ModuleType, TracebackType
from typing import Any

from .. import page as layout
from ..chained import chain_exception_hooks
from ..remarks import remark
from ..runtime import RUNTIME, nobody, quietly
from ..workers import children
from . import helper, lanes, roles

KIND = "_holter_kind"  # on an iterator: TRAIN or VAL
SEEN = "_holter_seen"  # on an iterator: whether it has given a batch in this epoch
NNUNET = "nnunetv2.training.nnUNetTrainer.nnUNetTrainer"
MAIN = layout.ROLES.index("main")
END = "epoch-end"


class _State:
    is_inside = False  # a data set that iterates another loader: only the outer wait counts
    epoch = -1
    owner: Callable[[], Any] = staticmethod(nobody)  # a weak reference to the iterator whose epoch it is
    last = 0  # id of the iterator that was asked last
    # An epoch that was left before its end: its phase, and where the program was.
    left: tuple[str, tuple[tuple[Any, int], ...]] = ("", ())
    is_chained = False
    is_described = False
    is_noted = False


def patch_dataloader(module: ModuleType) -> None:
    """Watch the iterators of all DataLoaders."""
    _watch_next(module._BaseDataLoaderIter)
    _watch_workers(module._MultiProcessingDataLoaderIter)


def is_ours() -> bool:
    """Return whether the waits of this process are recorded at its DataLoaders, not by nnU-Net's trainer."""
    return NNUNET not in sys.modules and not multiprocessing.current_process().daemon and bool(RUNTIME.scratch)


def awake() -> None:
    """Begin to record this process, if it does not do so already."""
    RUNTIME.activate("torch")
    RUNTIME.helps = helper.is_helper()
    if (RUNTIME.page.role == MAIN) is RUNTIME.helps:  # also a rank that was spawned
        RUNTIME.open("other" if RUNTIME.helps else "main")
    if not _State.is_chained:
        _State.is_chained = True
        chain_exception_hooks(_raised)  # called before the one that reports the exception


def _watch_next(cls: Any) -> None:
    original = cls.__next__

    @functools.wraps(original)
    def __next__(self: Any) -> Any:  # noqa: N807
        if _State.is_inside or threading.current_thread() is not threading.main_thread() or not is_ours():
            return original(self)
        _begin_wait(self)
        _State.is_inside = True
        try:
            batch = original(self)
        except BaseException as error:
            _State.is_inside = False
            _left(self, error)
            raise
        _State.is_inside = False
        with quietly("end-wait"):
            if _State.owner() is not self:
                RUNTIME.page.iteration -= 1  # it is not a batch of this epoch
            RUNTIME.page.end_wait()
            self.__dict__[SEEN] = True
        return batch

    cls.__next__ = __next__


def _begin_wait(iterator: Any) -> None:
    with quietly("begin-wait"):
        own = iterator.__dict__
        kind = own.get(KIND)
        is_new = kind is None or SEEN not in own
        if kind is None:
            kind = own[KIND] = roles.ROLES.kind(iterator._dataset, iterator._index_sampler)
        if own.get(SEEN) and iterator._num_yielded == 0:  # the same iterator begins again: persistent workers
            is_new = True
        if is_new:
            _begin_epoch(iterator, kind)
        elif _takes_over(iterator, kind):
            _State.owner = weakref.ref(iterator)
            RUNTIME.page.iteration = int(iterator._num_yielded) - 1
            RUNTIME.enter(roles.PHASE[kind])
        _State.last = id(iterator)
        RUNTIME.page.begin_wait(kind)


def _takes_over(iterator: Any, kind: int) -> bool:
    # Whether phase and batch are now those of this loader again, which is in the middle of its epoch. Loaders that are
    # asked in turns, such as zip(labelled, unlabelled), share the phase of the one that trains: each change of it is
    # written, and begins another phase for everybody who watches.
    owner = _State.owner()
    if owner is iterator:
        return bool(RUNTIME.page.phase != roles.PHASE_CODE[kind])
    if owner is None:
        return True
    if owner.__dict__.get(KIND) == kind:
        return _State.last == id(iterator)  # asked twice in a row: the other one was left
    return kind == roles.TRAIN


def _begin_epoch(iterator: Any, kind: int) -> None:
    iterator.__dict__[SEEN] = False
    _State.left = "", ()
    _State.owner = weakref.ref(iterator)
    awake()
    roles.ROLES.begun(kind)
    if not _State.is_noted:  # also where nothing trains: nnU-Net's rules do not apply
        _State.is_noted = True
        dataset = type(iterator._dataset).__name__
        RUNTIME.emit("note", what="dataloader-training", say=[remark("dataloader", dataset=dataset)])
    if kind == roles.TRAIN:
        _State.epoch += 1
    RUNTIME.page.iteration = layout.UNKNOWN
    RUNTIME.enter(roles.PHASE[kind], max(0, _State.epoch))
    if not _State.is_described and kind == roles.TRAIN:
        _State.is_described = True
        _describe(iterator)


def _describe(iterator: Any) -> None:
    workers = int(iterator._num_workers)
    RUNTIME.record_ability("loader", True, "torch" if workers else "single-process")
    children.start_pulse()
    torch = sys.modules["torch"]
    info: dict[str, object] = {
        "torch": str(torch.__version__), "cuda": torch.version.cuda, "python": sys.version.split()[0],
        "executable": sys.executable, "train_workers": workers,
    }  # fmt: skip
    size = getattr(iterator._index_sampler, "batch_size", None)
    if isinstance(size, int):
        info["batch_size"] = size
    RUNTIME.page.write_info(info)


def _left(iterator: Any, error: BaseException) -> None:
    RUNTIME.wait_over()
    if isinstance(error, StopIteration):
        iterator.__dict__.pop(SEEN, None)  # what comes next from it is another epoch
        _end_epoch(iterator)


def _end_epoch(iterator: Any) -> bool:
    phase = roles.PHASE_CODE[iterator.__dict__.get(KIND, roles.TRAIN)]
    owner = _State.owner()
    if (owner is None or owner is iterator) and RUNTIME.page.phase == phase:
        _State.owner = nobody
        RUNTIME.enter(END)
        return True
    return False


# ---------------------------------------------------------------------------------------------------- the workers


def _watch_workers(cls: Any) -> None:
    _watch_start(cls)
    _watch_shutdown(cls)


def _watch_start(cls: Any) -> None:
    original = cls.__init__

    @functools.wraps(original)
    def __init__(self: Any, loader: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        if not is_ours():
            original(self, loader, *args, **kwargs)
            return
        role = "train-worker"
        with quietly("start"):
            awake()  # before workers are forked: they inherit it
            kind = self.__dict__[KIND] = roles.ROLES.kind(loader.dataset, loader._index_sampler)
            role = roles.WORKER_ROLE[kind]
            lanes.announce(role, loader.multiprocessing_context)
        try:
            original(self, loader, *args, **kwargs)
        finally:
            with quietly("started"):
                lanes.announce(None)
                adopt(self, role)

    cls.__init__ = __init__


def adopt(iterator: Any, role: str) -> None:
    """Report which workers this iterator has, and how they end.

    PyTorch is left to reap them: its message names their signal.
    """
    workers = list(getattr(iterator, "_workers", ()))
    for index, process in enumerate(workers):
        children.adopt(process, role, index, peek=True)
    if workers:  # one that is stopped at its birth never gets to say it itself
        RUNTIME.emit("workers-started", role=role, pids=[process.pid for process in workers])


def _watch_shutdown(cls: Any) -> None:
    original = cls._shutdown_workers
    is_finalizing = sys.is_finalizing  # a local reference: globals are gone when exit deletes the iterators

    @functools.wraps(original)
    def _shutdown_workers(self: Any) -> Any:
        own = self.__dict__
        if is_finalizing() or own.get("_shutdown", True) or KIND not in own:
            return original(self)
        processes: list[Any] = []
        with quietly("finish"):
            processes = list(self._workers)
            children.report(processes)  # those that had ended before
            children.ending(processes, expected=True, gently=True)
        try:
            return original(self)
        finally:
            with quietly("finished"):
                children.report(processes)
                phase = RUNTIME.phase()
                if _end_epoch(self):  # left by ``break``, or by an exception
                    _State.left = phase, _place()

    cls._shutdown_workers = _shutdown_workers


def _place() -> tuple[tuple[Any, int], ...]:
    # Code and line of each call, the innermost first.
    frame, calls = sys._getframe(1), []
    while frame is not None:
        calls.append((frame.f_code, frame.f_lineno))
        frame = frame.f_back  # type: ignore[assignment]
    return tuple(calls)


def _raised(_: BaseException, trace: TracebackType | None, thread: str | None) -> None:
    # Python drops a loop's iterator before anybody hears of the exception that ends the loop: the epoch looked over,
    # and was not. A program that left the loop by ``break`` and failed later stands in another line.
    phase, place = _State.left
    if thread is not None or not phase or RUNTIME.phase() != END:
        return
    lines = {}
    while trace is not None:
        lines[trace.tb_frame.f_code] = trace.tb_lineno
        trace = trace.tb_next
    if next((lines[code] == line for code, line in place if code in lines), False):
        RUNTIME.enter(phase)
