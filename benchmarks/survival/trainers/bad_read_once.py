"""A trainer of which one data worker raises an exception, once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer


class BadReadOnce:
    """Raises if a file is there, and takes it away: of all workers only the first finds it."""

    def __call__(self, **data: Any) -> dict[str, Any]:
        """Hand the data on."""
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
        """The stock ones and ours."""
        transforms = nnUNetTrainer.get_training_transforms(*args, **kwargs)
        transforms.transforms.insert(0, BadReadOnce())
        return transforms
