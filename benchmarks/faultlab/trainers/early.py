"""Early stopping as trainers of one's own do it: an exception leaves nnU-Net's loop, and the end is in order."""

from __future__ import annotations

from typing import Any

from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer


class Enough(Exception):
    """Nothing better is to be expected."""


class nnUNetTrainerEarly(nnUNetTrainer):  # type: ignore[misc]
    """Base of trainers that end when ``is_enough``."""

    def is_enough(self) -> bool:
        """Whether to end, after an epoch."""
        raise NotImplementedError

    def on_epoch_end(self) -> None:
        """As nnU-Net does, and at some time no more."""
        super().on_epoch_end()
        if self.is_enough():
            raise Enough

    def run_training(self) -> Any:
        """As nnU-Net does, up to then."""
        try:
            super().run_training()
        except Enough:
            self.on_train_end()


class nnUNetTrainerStopsEarly(nnUNetTrainerEarly):
    """After the second of many epochs."""

    def is_enough(self) -> bool:
        """Two are enough."""
        return bool(self.current_epoch >= 2)
