"""Augmenters known by what they have, not by their name: renamed copies of batchgenerators, and its classes to come."""

from __future__ import annotations

from types import CodeType, ModuleType
from typing import Any

from ..runtime import RUNTIME
from . import augmenters, beats
from .parts import ONE_QUEUE, QUEUE_EACH, Parts, needed

METHODS = ("__next__", "_start", "_finish")
# Functions beside the class: what a worker runs, and the thread that collects batches.
BESIDE = ("producer", "results_loop")
ARGUMENTS = ("queue", "data_loader", "transform", "thread_id")  # of the producer, by position
# All names that the wait for a batch may use.
WAIT = frozenset(
    ("abort_event", "is_set", "_finish", "RuntimeError", "results_loop_queue", "pin_memory_queue", "empty", "get")
).union(("get_nowait", "wait_time", "sleep", "Empty", "task_done"))


class _Stock:
    """The way in which batchgenerators hands out a batch: as it came."""

    initialized: bool
    _start: Any

    def __next__(self) -> Any:
        if not self.initialized:
            self._start()

        item = self.__get_next_item()  # type: ignore[attr-defined]
        return item  # noqa: RET504 - the same bytecode


def patch_augmenters(module: ModuleType) -> None:
    """Watch every class of the module that is an augmenter with workers, unless its base class is watched already."""
    found = [
        cls
        for cls in list(vars(module).values())
        if isinstance(cls, type) and cls.__module__ == module.__name__ and is_augmenter(cls)
    ]
    if not found or any(not hasattr(module, name) for name in BESIDE) or not has_the_arguments(module.producer):
        return
    RUNTIME.activate(module.__name__)
    beats.patch_producer(module, may_end=any(kind_of(cls) is QUEUE_EACH for cls in found))
    for cls in found:
        augmenters.patch_class(module, cls, kind_of(cls) or ONE_QUEUE, may_replace=waits_alike(cls))


def is_augmenter(cls: Any) -> bool:
    """Whether a class has the methods and attributes by which workers are watched and replaced."""
    if any(not callable(vars(cls).get(name)) for name in METHODS) or hasattr(cls, augmenters.WATCHED):
        return False
    return kind_of(cls) is not None


def kind_of(cls: Any) -> Parts | None:
    """Return the names of the parts of a class of augmenters; None if it has no such parts."""
    names = getattr(getattr(cls.__init__, "__code__", None), "co_names", ())
    return next((parts for parts in (ONE_QUEUE, QUEUE_EACH) if needed(parts).issubset(names)), None)


def has_the_arguments(producer: Any) -> bool:
    """Whether a function can be called as the producer of batchgenerators: else the workers would fail."""
    code = getattr(producer, "__code__", None)
    return isinstance(code, CodeType) and code.co_varnames[: min(len(ARGUMENTS), code.co_argcount)] == ARGUMENTS


def waits_alike(cls: Any) -> bool:
    """Whether a class hands out batches as they come. To replace workers its wait is replaced, with all it adds."""
    own, stock = (getattr(each.__next__, "__code__", None) for each in (cls, _Stock))
    wait = getattr(vars(cls).get(f"_{cls.__name__.lstrip('_')}__get_next_item"), "__code__", None)
    if own is None or stock is None or wait is None:
        return False
    if kind_of(cls) is QUEUE_EACH:  # its __next__ stays
        return WAIT.issuperset(wait.co_names)
    return own.co_code == stock.co_code and _names(own) == _names(stock) and WAIT.issuperset(wait.co_names)


def _names(code: CodeType) -> list[str]:
    # A private name begins with that of its class.
    return [name if "__" not in name else name.partition("__")[2] for name in code.co_names]
