"""nnU-Net's own data loaders as its trainer configures them, without the worker processes that would run them.

The trainer's own code decides cases, patch sizes, oversampling and transforms, including a user's changes. Only the two
augmenters at its end, which start processes, are replaced.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, NamedTuple

from holter.errors import LoaderNotReplaced
from holter.trainer.sentences import NO_AUGMENTER, OWN_BATCHES, OWN_DATASET, OWN_LOADER

TRAINER_MODULE = "nnunetv2.training.nnUNetTrainer.nnUNetTrainer"
AUGMENTERS = ("NonDetMultiThreadedAugmenter", "SingleThreadedAugmenter")
LOADER = "nnunetv2.training.dataloading.data_loader.nnUNetDataLoader"
DATASETS = (
    "nnunetv2.training.dataloading.nnunet_dataset.nnUNetDatasetBlosc2",
    "nnunetv2.training.dataloading.nnunet_dataset.nnUNetDatasetNumpy",
)


class StockLoaders(NamedTuple):
    """nnU-Net's ``nnUNetDataLoader`` objects, before anything was read with them."""

    train: Any
    val: Any


class _Kept:
    """Replaces an augmenter: keeps the data loader, and starts nothing."""

    def __init__(self, data_loader: Any, *_: Any, **__: Any) -> None:
        self.data_loader = data_loader

    def __next__(self) -> None:
        """nnU-Net takes a batch to see its workers start, and ignores it."""


def defined_by(trainer_class: type[Any], method: str, *, below: type[Any] | None = None) -> type[Any]:
    """Return the class that defines a trainer's method; ``below``: skip the classes up to this one in the MRO."""
    order = trainer_class.__mro__
    first = 0 if below is None else order.index(below) + 1
    return next(cls for cls in order[first:] if method in vars(cls))


def set_up(get_dataloaders: Callable[[], Any]) -> StockLoaders:
    """Run the trainer's own ``get_dataloaders`` and return the loaders that its workers would have run.

    Raises:  LoaderNotReplaced if these are not nnU-Net's.
    """
    module = importlib.import_module(TRAINER_MODULE)
    before = {name: getattr(module, name, None) for name in AUGMENTERS}
    if None in before.values():
        raise LoaderNotReplaced(NO_AUGMENTER())
    try:
        for name in AUGMENTERS:
            setattr(module, name, _Kept)
        made = get_dataloaders()
    finally:
        for name, original in before.items():
            setattr(module, name, original)
    if not (isinstance(made, tuple) and len(made) == 2 and all(isinstance(kept, _Kept) for kept in made)):
        raise LoaderNotReplaced(OWN_BATCHES())
    loaders = StockLoaders(*(kept.data_loader for kept in made))
    for loader in loaders:
        _check_known(loader)
    return loaders


def _check_known(loader: Any) -> None:
    # Exact types only: a subclass may sample or read in any way.
    if _name(loader) != LOADER:
        raise LoaderNotReplaced(OWN_LOADER(name=type(loader).__name__))
    if _name(loader._data) not in DATASETS:
        raise LoaderNotReplaced(OWN_DATASET(name=type(loader._data).__name__))


def _name(thing: Any) -> str:
    return f"{type(thing).__module__}.{type(thing).__qualname__}"
