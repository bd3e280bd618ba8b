"""Where an augmenter of each kind keeps its thread, its queues and whether it has started."""

from __future__ import annotations

from types import CodeType
from typing import Any, NamedTuple


class Parts(NamedTuple):
    """The names of four attributes that all augmenters of one kind have."""

    queues: str  # in which workers put batches: one queue, or a list of one for each worker
    thread: str  # that moves batches from these queues to the next one
    ready: str  # queue from which the training takes batches
    is_started: str  # whether the workers run


# batchgenerators' NonDetMultiThreadedAugmenter; nnU-Net v2.
ONE_QUEUE = Parts(queues="_queue", thread="results_loop_thread", ready="results_loop_queue", is_started="initialized")
# batchgenerators' MultiThreadedAugmenter; nnU-Net v1 and its forks. It takes one batch of each worker in turn.
QUEUE_EACH = Parts(queues="_queues", thread="pin_memory_thread", ready="pin_memory_queue", is_started="was_initialized")
COMMON = frozenset(("_processes", "abort_event", "seeds"))
# A data loader that uses none of these names cannot end.
ENDS = frozenset(("StopIteration", "next", "iter"))


def parts_of(augmenter: Any) -> Parts:
    """Return the names of an augmenter's parts; also those of a class of augmenters."""
    names = getattr(augmenter, "_holter_augmenter", None)
    return names if isinstance(names, Parts) else ONE_QUEUE


def needed(parts: Parts) -> frozenset[str]:
    """Return all names that the code of an augmenter must contain; if one is missing, its workers are not replaced."""
    return COMMON.union(parts)


def thread_of(augmenter: Any) -> Any:
    """Return the thread that collects the batches of the workers; None before the start."""
    return getattr(augmenter, parts_of(augmenter).thread, None)


def ready_of(augmenter: Any) -> Any:
    """Return the queue of the batches that are ready; None before the start."""
    return getattr(augmenter, parts_of(augmenter).ready, None)


def queues_of(augmenter: Any) -> list[Any]:
    """Return the queues in which the workers put their batches."""
    queues = getattr(augmenter, parts_of(augmenter).queues, None)
    return list(queues) if isinstance(queues, list) else [] if queues is None else [queues]


def never_ends(loader: Any) -> bool:
    """Whether a data loader gives random samples without end: only then may other workers go on in its place.

    False if that is not certain.
    """
    infinite = getattr(loader, "infinite", None)
    if infinite is not None:
        return infinite is True
    cls = type(loader)
    if cls not in _cannot_end:
        _cannot_end[cls] = _names_no_end(cls)
    return _cannot_end[cls]


_cannot_end: dict[type, bool] = {}


def _names_no_end(cls: type) -> bool:
    if not hasattr(cls, "generate_train_batch"):
        return False
    functions = [value for base in cls.__mro__[:-1] for value in vars(base).values()]
    codes = [code for function in functions if isinstance(code := getattr(function, "__code__", None), CodeType)]
    return all(ENDS.isdisjoint(_names(code)) for code in codes)


def _names(code: CodeType) -> set[str]:
    inner = (_names(constant) for constant in code.co_consts if isinstance(constant, CodeType))
    return set(code.co_names).union(*inner)
