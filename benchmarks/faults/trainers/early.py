"""Early stopping as in users' own trainers: an exception leaves nnU-Net's loop, and the training ends normally."""

from __future__ import annotations

from typing import Any

from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer


class Enough(Exception):
    """No improvement is expected."""


class nnUNetTrainerEarly(nnUNetTrainer):  # type: ignore[misc]
    """Base of trainers that end when ``is_enough``."""

    def is_enough(self) -> bool:
        """Whether to end after this epoch."""
        raise NotImplementedError

    def on_epoch_end(self) -> None:
        """Do as nnU-Net does, then stop if it is enough."""
        super().on_epoch_end()
        if self.is_enough():
            raise Enough

    def run_training(self) -> Any:
        """Run as nnU-Net does, until stopped."""
        try:
            super().run_training()
        except Enough:
            self.on_train_end()


class nnUNetTrainerStopsEarly(nnUNetTrainerEarly):
    """Stops after the second of many epochs."""

    def is_enough(self) -> bool:
        """Stop after two epochs."""
        return bool(self.current_epoch >= 2)
