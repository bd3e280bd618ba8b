"""Decide which loader trains and which one validates, in a program without nnU-Net's trainer.

A loader whose batches are fetched without gradients validates. Of the others, the first one trains, and so does every
later one whose sampler may shuffle; the rest validate. If one of the rest is iterated again while the first one is not,
it belongs to the next fold, and trains.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from typing import Any

from .. import page as layout
from ..runtime import nobody

TRAIN, VAL = layout.WAITS.index("train-batch"), layout.WAITS.index("val-batch")
WORKER_ROLE = {TRAIN: "train-worker", VAL: "val-worker"}
PHASE = {TRAIN: "train", VAL: "validate"}
PHASE_CODE = {kind: layout.PHASES.index(phase) for kind, phase in PHASE.items()}
ORDERED = ("Sequential", "Ordered", "_InfiniteConstantSampler")  # part of the name of a sampler that does not shuffle


class Roles:
    """The data set that trains; references are weak, because Holter must not keep a data set alive."""

    def __init__(self) -> None:
        self._train: Callable[[], Any] = nobody
        self._other: Callable[[], Any] = nobody  # validated with gradients since the last epoch that trained

    def kind(self, dataset: Any, index_sampler: Any) -> int:
        """Return TRAIN or VAL for a loader of this data set, and remember which data set trains.

        ``index_sampler``: the loader's sampler or batch sampler, which shows whether the loader may shuffle.
        """
        if not sys.modules["torch"].is_grad_enabled():
            return VAL
        train = self._train()
        is_other = train is not None and train is not dataset and not shuffles(index_sampler)
        if is_other and self._other() is not dataset:
            self._other = _reference(dataset)
            return VAL
        self._train, self._other = _reference(dataset), nobody
        return TRAIN

    def begun(self, kind: int) -> None:
        """Record that an epoch of a loader of this kind begins; also called for each epoch of persistent workers."""
        if kind == TRAIN:
            self._other = nobody


def _reference(dataset: Any) -> Callable[[], Any]:
    try:
        return weakref.ref(dataset)
    except TypeError:  # a list takes no weak reference: the next loader that trains is then a new one
        return nobody


def shuffles(index_sampler: Any) -> bool:
    """Return whether a sampler may shuffle; True unless it says that it does not, or its class is known to keep order.

    ``index_sampler``: a sampler, or a batch sampler, whose own sampler is then looked at.
    """
    sampler = getattr(index_sampler, "sampler", index_sampler)
    shuffle = getattr(sampler, "shuffle", None)
    if isinstance(shuffle, bool):
        return shuffle
    names = [cls.__name__ for cls in type(sampler).__mro__]
    return not any(part in name for part in ORDERED for name in names)


ROLES = Roles()
