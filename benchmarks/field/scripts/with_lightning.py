"""A training with Lightning's own trainer, on random numbers: several epochs, each with a validation."""

from __future__ import annotations

import time
from typing import Any

import lightning
import torch
from torch.utils.data import DataLoader, Dataset

BATCH, BATCHES, EPOCHS = 16, 60, 12  # about seventy seconds


class Random(Dataset):  # type: ignore[misc]
    """A data set of random numbers."""

    def __init__(self, batches: int) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return BATCH * self.batches

    def __getitem__(self, place: int) -> torch.Tensor:
        time.sleep(0.005)
        return torch.randn(32)


class Model(lightning.LightningModule):  # type: ignore[misc]
    """One layer."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(32, 1)

    def training_step(self, batch: torch.Tensor) -> torch.Tensor:
        """Run one step of a tenth of a second."""
        time.sleep(0.09)
        return self.layer(batch).square().mean()

    def validation_step(self, batch: torch.Tensor) -> None:
        """Run one validation step."""
        self.log("loss", self.layer(batch).square().mean())

    def on_train_epoch_end(self) -> None:
        """Print a line."""
        print(f"epoch {self.current_epoch} done", flush=True)

    def configure_optimizers(self) -> Any:
        """Return the optimizer."""
        return torch.optim.SGD(self.parameters(), lr=1e-3)


def main() -> None:
    """Train."""
    torch.set_num_threads(1)
    train, validate = (DataLoader(Random(batches), BATCH, num_workers=2) for batches in (BATCHES, 5))
    trainer = lightning.Trainer(
        accelerator="cpu", max_epochs=EPOCHS, logger=False, enable_checkpointing=False, enable_progress_bar=False,
        num_sanity_val_steps=0,
    )  # fmt: skip
    trainer.fit(Model(), train, validate)
    print("done", flush=True)


if __name__ == "__main__":
    main()
