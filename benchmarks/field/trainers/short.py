"""nnU-Net's own training, shortened, without the final prediction; ``nnUNetv2_train`` itself starts it."""

from __future__ import annotations

import os
import time
from typing import Any

import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

EPOCHS = "FIELD_EPOCHS"
# A step takes equally long on every machine that is fast enough: an epoch is five seconds.
STEPS, STEP_S = 25, 0.2


class nnUNetTrainerShort(nnUNetTrainer):  # type: ignore[misc]
    """Epochs of five seconds on the generated brains."""

    def __init__(
        self, plans: dict[str, Any], configuration: str, fold: int, dataset_json: dict[str, Any], device: torch.device
    ) -> None:  # nnU-Net's own names: it keeps them in its checkpoints
        super().__init__(plans, configuration, fold, dataset_json, device)
        self.num_epochs = int(os.environ.get(EPOCHS, "3"))
        self.num_iterations_per_epoch, self.num_val_iterations_per_epoch = STEPS, 2

    def train_step(self, batch: dict[str, Any]) -> Any:
        """Run nnU-Net's step, and sleep for the rest of its time."""
        began_s = time.monotonic()
        result = super().train_step(batch)
        time.sleep(max(0.0, began_s + STEP_S - time.monotonic()))
        return result

    def perform_actual_validation(self, save_probabilities: bool = False) -> None:
        """Do nothing."""
