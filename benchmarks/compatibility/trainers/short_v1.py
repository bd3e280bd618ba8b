"""The trainer of nnU-Net v1 with few steps. It is copied into each version, beside those of its own."""

from __future__ import annotations

import os
from typing import Any

from nnunet.training.network_training.nnUNetTrainerV2 import nnUNetTrainerV2 as Base


class nnUNetTrainerCompatibility(Base):  # type: ignore[misc]
    """The version's own, with lengths from the environment, and a checkpoint after each epoch instead of fifty."""

    def initialize(self, training: bool = True, force_load_plans: bool = False) -> None:
        """Set the lengths before anything is made of them."""
        self.max_num_epochs = int(os.environ["COMPATIBILITY_EPOCHS"])
        self.num_batches_per_epoch = int(os.environ["COMPATIBILITY_ITERATIONS"])
        self.num_val_batches_per_epoch = 2
        self.save_every = 1
        super().initialize(training, force_load_plans)

    def validate(self, *_: Any, **__: Any) -> None:
        """Do nothing: on a CPU it takes longer than all the rest."""
