"""Trainers with faults in their data workers: a transform of the lab comes before the stock ones."""

from __future__ import annotations

import threading
from typing import Any

import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from benchmarks.faults.trainers.armed import is_armed

LEAK_BYTES = 200 << 20  # per case
THREADS = 32  # per worker
SIDE = 700  # of a matrix: some milliseconds on one core, and large enough for the library to use all its threads
PRODUCTS = 100  # per case: more than two cores can do while the network takes a step
TIMES = 80  # repeats of a sample's augmentation
LOCK = threading.Lock()


class Leak:
    """Keeps some memory of every case forever."""

    def __init__(self) -> None:
        self._kept: list[bytearray] = []

    def __call__(self, **data: Any) -> dict[str, Any]:
        """Return the data unchanged."""
        if is_armed():
            self._kept.append(bytearray(b"x") * LEAK_BYTES)
        return data


class ManyThreads:
    """Uses a thread pool of its own in each worker, like a library that counts the cores itself."""

    def __call__(self, **data: Any) -> dict[str, Any]:
        """Return the data unchanged."""
        if is_armed():
            torch.set_num_threads(THREADS)
            matrix = torch.ones(SIDE, SIDE)
            for _ in range(PRODUCTS):
                matrix = torch.mm(matrix, matrix).clamp(0, 1)
        return data


class TakesLock:
    """Takes a lock that a thread of the main process held when this worker was forked: it is never released here."""

    def __call__(self, **data: Any) -> dict[str, Any]:
        """Return the data unchanged."""
        if is_armed():
            with LOCK:
                return data
        return data


class Repeated:
    """The stock transforms, repeated; the last result counts."""

    def __init__(self, transforms: Any, *, only_armed: bool) -> None:
        self._transforms = transforms
        self._only_armed = only_armed

    def __call__(self, **data: Any) -> dict[str, Any]:
        """Transform."""
        if not self._only_armed or is_armed():
            for _ in range(TIMES - 1):
                self._transforms(**{name: value.clone() for name, value in data.items()})
        result: dict[str, Any] = self._transforms(**data)
        return result


def _with(first: Any, args: Any, kwargs: Any) -> Any:
    transforms = nnUNetTrainer.get_training_transforms(*args, **kwargs)
    transforms.transforms.insert(0, first)
    return transforms


class nnUNetTrainerWorkerLeaks(nnUNetTrainer):  # type: ignore[misc]
    """The memory of every worker grows."""

    @staticmethod
    def get_training_transforms(*args: Any, **kwargs: Any) -> Any:
        """Return the stock transforms with ours in front."""
        return _with(Leak(), args, kwargs)


class nnUNetTrainerManyThreads(nnUNetTrainer):  # type: ignore[misc]
    """Every worker has its own thread pool."""

    @staticmethod
    def get_training_transforms(*args: Any, **kwargs: Any) -> Any:
        """Return the stock transforms with ours in front."""
        return _with(ManyThreads(), args, kwargs)


class nnUNetTrainerForkedLock(nnUNetTrainer):  # type: ignore[misc]
    """Workers are forked while a thread of the main process holds a lock."""

    @staticmethod
    def get_training_transforms(*args: Any, **kwargs: Any) -> Any:
        """Return the stock transforms with ours in front."""
        return _with(TakesLock(), args, kwargs)

    def get_dataloaders(self) -> Any:
        """Return the stock loaders, with the lock held during the fork."""
        held, forked = threading.Event(), threading.Event()

        def hold() -> None:
            with LOCK:
                held.set()
                forked.wait()

        threading.Thread(target=hold, daemon=True).start()
        held.wait()
        try:
            return super().get_dataloaders()
        finally:
            forked.set()


class nnUNetTrainerHeavyAugmentation(nnUNetTrainer):  # type: ignore[misc]
    """Augmentation costs many times as much, from the beginning."""

    @staticmethod
    def get_training_transforms(*args: Any, **kwargs: Any) -> Any:
        """Return the stock transforms, repeated."""
        return Repeated(nnUNetTrainer.get_training_transforms(*args, **kwargs), only_armed=False)


class nnUNetTrainerHeavierAugmentation(nnUNetTrainer):  # type: ignore[misc]
    """Augmentation costs many times as much as soon as the file exists."""

    @staticmethod
    def get_training_transforms(*args: Any, **kwargs: Any) -> Any:
        """Return the stock transforms, repeated."""
        return Repeated(nnUNetTrainer.get_training_transforms(*args, **kwargs), only_armed=True)
