"""nnU-Net v1's training loop (``NetworkTrainer.run_training``) and batchgenerators' older loader, on random numbers."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from batchgenerators.dataloading.multi_threaded_augmenter import MultiThreadedAugmenter
from nnunet.training.network_training.network_trainer import NetworkTrainer

EPOCHS, BATCHES = 16, 40


class Numbers:
    """An endless source of batches."""

    def __init__(self) -> None:
        self.thread_id = 0

    def set_thread_id(self, number: int) -> None:
        """Called in each worker."""
        self.thread_id = number

    def __iter__(self) -> Numbers:
        return self

    def __next__(self) -> dict[str, Any]:
        time.sleep(0.01)
        return {"data": np.random.rand(4, 32).astype(np.float32), "target": np.ones((4, 1), np.float32)}


class nnUNetTrainerV2(NetworkTrainer):  # type: ignore[misc]  # noqa: N801 - as v1 names it
    """As in v1, with a network of one layer."""

    def __init__(self, folder: Path) -> None:
        super().__init__(deterministic=False, fp16=False)
        self.output_folder = str(folder)
        self.max_num_epochs, self.num_batches_per_epoch, self.num_val_batches_per_epoch = EPOCHS, BATCHES, 2

    def initialize(self, training: bool = True) -> None:  # noqa: ARG002 - as v1 calls it
        """Create network, loss and loaders."""
        self.network = torch.nn.Linear(32, 1)
        self.optimizer = torch.optim.SGD(self.network.parameters(), lr=1e-3)
        self.loss = torch.nn.MSELoss()
        self.tr_gen = MultiThreadedAugmenter(Numbers(), None, 2)
        self.val_gen = MultiThreadedAugmenter(Numbers(), None, 1)
        self.was_initialized = True

    def run_iteration(self, *arguments: Any, **named: Any) -> Any:
        """Run one iteration of a tenth of a second."""
        time.sleep(0.08)
        return super().run_iteration(*arguments, **named)

    def plot_network_architecture(self) -> None:
        """Do nothing."""

    def load_dataset(self) -> None:
        """Do nothing."""

    def initialize_network(self) -> None:
        """Do nothing; see initialize."""

    def initialize_optimizer_and_scheduler(self) -> None:
        """Do nothing; see initialize."""

    def validate(self, *arguments: Any, **named: Any) -> None:
        """Do nothing."""


def main() -> None:
    """Train."""
    torch.set_num_threads(1)
    trainer = nnUNetTrainerV2(Path(sys.argv[1]))
    trainer.initialize()
    trainer.run_training()


if __name__ == "__main__":
    main()
