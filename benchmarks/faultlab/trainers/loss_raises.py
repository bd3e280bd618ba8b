"""A trainer whose loss raises, as one does that meets a label which it does not know."""

from __future__ import annotations

from typing import Any

from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from benchmarks.faultlab.armed import is_armed


class nnUNetTrainerLossRaises(nnUNetTrainer):  # type: ignore[misc]
    """Stock training until the file is there."""

    def train_step(self, batch: dict[str, Any]) -> Any:
        """One step; armed, the target is a slice smaller than what the network gives."""
        if is_armed():
            batch = {**batch, "target": [target[..., 1:] for target in batch["target"]]}
        return super().train_step(batch)
