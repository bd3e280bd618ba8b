"""nnU-Net's own trainer with few steps. It is copied into each version: the oldest have no folder for own trainers."""

from __future__ import annotations

import os
from typing import Any

from nnunetv2.training.lr_scheduler import polylr
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer as Base

Scheduler: Any = polylr._LRScheduler
begin = Scheduler.__init__


def begin_quietly(self: Any, optimizer: Any, last_epoch: int = -1, *_verbose: bool) -> None:
    """Take the argument that PyTorch 2.7 has taken away, which nnU-Net up to 2.5 still gives."""
    begin(self, optimizer, last_epoch)


Scheduler.__init__ = begin_quietly


class nnUNetTrainerCompatibility(Base):  # type: ignore[misc]
    """Stock, with lengths from the environment. Its constructor is that of the version: nnU-Net reads its signature."""

    def initialize(self) -> None:
        """Set the lengths before the schedule of the learning rate is made."""
        self.num_epochs = int(os.environ["COMPATIBILITY_EPOCHS"])
        self.num_iterations_per_epoch = int(os.environ["COMPATIBILITY_ITERATIONS"])
        self.num_val_iterations_per_epoch = 2
        super().initialize()

    def perform_actual_validation(self, save_probabilities: bool = False) -> None:
        """Do nothing: on a CPU it takes longer than all the rest."""
