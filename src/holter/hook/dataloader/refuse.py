"""Find the reason why the workers of a loader cannot be replaced; None if its batches can be requested again.

What the replacement uses of torch is compared by name: arguments, methods, functions and the attributes of an iterator.
"""

from __future__ import annotations

import inspect
import multiprocessing
import sys
from collections.abc import Collection
from types import ModuleType
from typing import Any

from ..remarks import Remark, remark

# What an iterator passes to its workers, by the names in torch's ``_worker_loop``: another name is of an unknown torch.
OF_ITERATOR = {
    "dataset_kind": "_dataset_kind", "dataset": "_dataset", "auto_collation": "_auto_collation",
    "collate_fn": "_collate_fn", "drop_last": "_drop_last", "init_fn": "_worker_init_fn",
    "num_workers": "_num_workers", "persistent_workers": "_persistent_workers", "shared_seed": "_shared_seed",
}  # fmt: skip
# From 2.14 on a worker takes the data set out of a list, so that the list and the process object keep it no longer.
HOLDERS = {"dataset": "dataset_holder"}
OF_REPLACEMENT = ("index_queue", "data_queue", "done_event", "base_seed", "worker_id")
# Attributes of an iterator that are read or set here.
ATTRIBUTES = (
    "_base_seed", "_data_queue", "_index_queues", "_pin_memory", "_pin_memory_thread", "_pin_memory_thread_done_event",
    "_send_idx", "_shutdown", "_task_info", "_timeout", "_worker_result_queue", "_workers", "_workers_done_event",
    "_workers_status", *OF_ITERATOR.values(),
)  # fmt: skip
# What is called or wrapped here, and the file of ``torch.utils.data._utils`` that a function is in.
METHODS = ("_get_data", "_next_index", "_reset", "_shutdown_workers", "_try_put_index")
FUNCTIONS = {
    "_ResumeIteration": "worker", "_set_worker_pids": "signal_handling", "_pin_memory_loop": "pin_memory",
}  # fmt: skip
# What a subclass of DataLoader may define and still be iterated as DataLoader is (MONAI's and PyTorch Geometric's do).
HARMLESS = frozenset((
    "__init__", "__module__", "__doc__", "__annotations__", "__parameters__", "__orig_bases__", "__dict__",
    "__weakref__", "__firstlineno__", "__static_attributes__", "__annotate__", "__annotate_func__",
))  # fmt: skip


def unknown_torch(module: ModuleType) -> Remark | None:
    """Return the names of what is missing or unknown in this PyTorch, so that nothing is replaced; None if none is."""
    cls, inner = module._MultiProcessingDataLoaderIter, module._utils
    lacking = [name for name in METHODS if not hasattr(cls, name)]
    lacking += [name for name, part in FUNCTIONS.items() if not hasattr(getattr(inner, part, None), name)]
    used = _names_used(cls)
    lacking += [name for name in ATTRIBUTES if name not in used]
    loop = getattr(inner.worker, "_worker_loop", None)
    lacking += ["_worker_loop"] if loop is None else _other_arguments(loop)
    if not lacking:
        return None
    names = ", ".join(sorted(set(lacking)))
    return remark("loader-torch", version=str(sys.modules["torch"].__version__), names=names)


def worker_arguments(loop: Any, iterator: Any, own: dict[str, Any]) -> tuple[Any, ...]:
    """Return what a worker of this iterator gets, in the order of ``loop``.

    ``loop``: torch's ``_worker_loop``. ``own``: the values of ``OF_REPLACEMENT``.
    """
    arguments = inspect.signature(loop).parameters
    values = dict(own)
    for name, attribute in OF_ITERATOR.items():
        value, passed = getattr(iterator, attribute), _passed(name, arguments)
        values[passed] = value if passed == name else [value]
    return tuple(values[name] for name in arguments)


def _other_arguments(loop: Any) -> list[str]:
    arguments = inspect.signature(loop).parameters
    known = {_passed(name, arguments) for name in OF_ITERATOR}
    return list(set(arguments).symmetric_difference((*known, *OF_REPLACEMENT)))


def _passed(name: str, arguments: Collection[str]) -> str:
    holder = HOLDERS.get(name, name)
    return holder if holder in arguments and name not in arguments else name


def _names_used(cls: type) -> set[str]:
    # All names in the code of the class and its bases; a wrapper shows those of the method that it wraps.
    found: set[str] = set()
    for each in cls.__mro__:
        for value in vars(each).values():
            code = getattr(inspect.unwrap(value), "__code__", None) if callable(value) else None
            found.update(code.co_names if code is not None else ())
    return found


def why_refused(module: ModuleType, iterator_class: type, loader: Any) -> Remark | None:
    """Return why the workers of this loader cannot be replaced; None if they can."""
    unknown = unknown_torch(module)
    if unknown is not None:
        return unknown
    if iterator_class is not module._MultiProcessingDataLoaderIter:
        return remark("loader-iterator", name=iterator_class.__name__)
    for cls in type(loader).__mro__:
        if cls is module.DataLoader:
            break
        if set(vars(cls)) - HARMLESS:
            return remark("loader-subclass", name=cls.__name__)
    if loader._dataset_kind == module._DatasetKind.Iterable:
        return remark("loader-iterable")
    pipe = getattr(sys.modules["torch"].utils.data, "MapDataPipe", None)
    if pipe is not None and isinstance(loader.dataset, pipe):
        return remark("loader-datapipe")
    if multiprocessing.current_process().daemon:
        return remark("loader-in-worker")
    return None
