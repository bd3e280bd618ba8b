"""A trainer whose loss raises, as for an unknown label."""

from __future__ import annotations

from typing import Any

from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from benchmarks.faults.trainers.armed import is_armed


class nnUNetTrainerLossRaises(nnUNetTrainer):  # type: ignore[misc]
    """Stock training until the file exists."""

    def train_step(self, batch: dict[str, Any]) -> Any:
        """Run one step; armed, the target is one slice smaller than the network's output."""
        if is_armed():
            batch = {**batch, "target": [target[..., 1:] for target in batch["target"]]}
        return super().train_step(batch)
