"""Which loader trains and which one validates, as far as a program without a trainer shows it.

A loader whose batches are fetched without gradients validates. Of the others, the first one trains, and every later
one that shuffles; the rest validate.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from typing import Any

from .. import page as layout

TRAIN, VAL = layout.WAITS.index("train-batch"), layout.WAITS.index("val-batch")
WORKER_ROLE = {TRAIN: "train-worker", VAL: "val-worker"}
PHASE = {TRAIN: "train", VAL: "validate"}
PHASE_CODE = {kind: layout.PHASES.index(phase) for kind, phase in PHASE.items()}
SHUFFLING = ("RandomSampler", "SubsetRandomSampler", "WeightedRandomSampler")


def _nothing() -> None:
    """Return None in place of a weak reference."""


class Roles:
    """The data set that trains; the reference is weak, because Holter must not keep a data set alive."""

    def __init__(self) -> None:
        self._train: Callable[[], Any] = _nothing

    def kind(self, dataset: Any, index_sampler: Any) -> int:
        """Return TRAIN or VAL for a loader of this data set."""
        if not sys.modules["torch"].is_grad_enabled():
            return VAL
        train = self._train()
        if train is not None and train is not dataset and not shuffles(index_sampler):
            return VAL
        try:
            self._train = weakref.ref(dataset)
        except TypeError:  # a list takes no weak reference: the next loader that trains is then a new one
            self._train = _nothing
        return TRAIN


def shuffles(index_sampler: Any) -> bool:
    """Whether a sampler, or the one in a batch sampler, shuffles."""
    sampler = getattr(index_sampler, "sampler", index_sampler)
    return type(sampler).__name__ in SHUFFLING or getattr(sampler, "shuffle", False) is True


ROLES = Roles()
