"""Find the reason why the workers of a loader cannot be replaced; None if its batches can be requested again."""

from __future__ import annotations

import inspect
import multiprocessing
import sys
from types import ModuleType
from typing import Any

from ..remarks import Remark, remark

# What an iterator passes to its workers, by the names in torch's ``_worker_loop``: another name is of an unknown torch.
OF_ITERATOR = {
    "dataset_kind": "_dataset_kind", "dataset": "_dataset", "auto_collation": "_auto_collation",
    "collate_fn": "_collate_fn", "drop_last": "_drop_last", "init_fn": "_worker_init_fn",
    "num_workers": "_num_workers", "persistent_workers": "_persistent_workers", "shared_seed": "_shared_seed",
}  # fmt: skip
OF_REPLACEMENT = ("index_queue", "data_queue", "done_event", "base_seed", "worker_id")
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
    arguments = inspect.signature(inner.worker._worker_loop).parameters
    differs = sorted((*lacking, *set(arguments).symmetric_difference((*OF_ITERATOR, *OF_REPLACEMENT))))
    if not differs:
        return None
    return remark("loader-torch", version=str(sys.modules["torch"].__version__), names=", ".join(differs))


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
