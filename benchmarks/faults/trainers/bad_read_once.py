"""A trainer with one data worker that raises an exception, once."""

from __future__ import annotations

from typing import Any

from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from benchmarks.faults.trainers.armed import disarm


class BadReadOnce:
    """Raises in the worker that disarms it."""

    def __call__(self, **data: Any) -> dict[str, Any]:
        """Return the data unchanged."""
        if disarm():
            raise OSError("a read failed, once")
        return data


class nnUNetTrainerBadReadOnce(nnUNetTrainer):  # type: ignore[misc]
    """Stock training, with that transform before all others."""

    @staticmethod
    def get_training_transforms(*args: Any, **kwargs: Any) -> Any:
        """Return the stock transforms with ours in front."""
        transforms = nnUNetTrainer.get_training_transforms(*args, **kwargs)
        transforms.transforms.insert(0, BadReadOnce())
        return transforms
