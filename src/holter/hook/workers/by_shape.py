"""Augmenters known by what they have, not by their name: renamed copies of batchgenerators, and its classes to come."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from ..runtime import RUNTIME
from . import augmenters, beats
from .restart import NEEDED

METHODS = ("__next__", "_start", "_finish")
# Functions beside the class: what a worker runs, and the thread that collects batches.
BESIDE = ("producer", "results_loop")


def patch_augmenters(module: ModuleType) -> None:
    """Watch every class of the module that is an augmenter with workers, unless its base class is watched already."""
    found = [
        cls
        for cls in list(vars(module).values())
        if isinstance(cls, type) and cls.__module__ == module.__name__ and is_augmenter(cls)
    ]
    if not found or any(not hasattr(module, name) for name in BESIDE):
        return
    RUNTIME.activate(module.__name__)
    beats.patch_producer(module)
    for cls in found:
        augmenters.patch_class(module, cls)


def is_augmenter(cls: Any) -> bool:
    """Whether a class has the methods and attributes by which workers are watched and replaced."""
    if any(not callable(vars(cls).get(name)) for name in METHODS) or hasattr(cls, augmenters.WATCHED):
        return False
    init = getattr(cls.__init__, "__code__", None)
    return init is not None and NEEDED.issubset(init.co_names)
