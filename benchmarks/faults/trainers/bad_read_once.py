"""A trainer with one data worker that raises an exception, once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer


class BadReadOnce:
    """Raises if a file exists, and removes it: only the first worker finds it."""

    def __call__(self, **data: Any) -> dict[str, Any]:
        """Return the data unchanged."""
        file = Path(os.environ["SURVIVAL_BAD_READ"])
        try:
            file.unlink()
        except FileNotFoundError:
            return data
        raise OSError("a read failed, once")


class nnUNetTrainerBadReadOnce(nnUNetTrainer):  # type: ignore[misc]
    """Stock training, with that transform before all others."""

    @staticmethod
    def get_training_transforms(*args: Any, **kwargs: Any) -> Any:
        """Return the stock transforms with ours in front."""
        transforms = nnUNetTrainer.get_training_transforms(*args, **kwargs)
        transforms.transforms.insert(0, BadReadOnce())
        return transforms
