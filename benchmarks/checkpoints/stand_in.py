"""A trainer with nnU-Net's names and its kind of checkpoint, to measure saving without training."""

from __future__ import annotations

import os
from pathlib import Path

INJECT = Path(__file__).parents[2] / "src" / "holter" / "hook" / "inject"
# Replaces nnU-Net's module of this name: the same content goes through the same torch.save.
TRAINER = """
import torch
class nnUNetTrainer:
    def __init__(self, network, optimizer):
        self.network, self.optimizer, self.current_epoch, self.num_epochs = network, optimizer, 0, 1000
    def on_epoch_end(self): pass
    def save_checkpoint(self, filename):
        torch.save({
            "network_weights": self.network.state_dict(), "optimizer_state": self.optimizer.state_dict(),
            "grad_scaler_state": None, "logging": {"train_losses": [0.5] * 1000}, "_best_ema": 0.5,
            "current_epoch": self.current_epoch + 1, "init_args": {}, "trainer_name": "nnUNetTrainer",
        }, filename)
"""


def stand_in(folder: Path) -> dict[str, str]:
    """Write it to the folder; return the environment of a program that uses it, with the hook and safe checkpoints."""
    package = folder / "nnunetv2" / "training" / "nnUNetTrainer"
    package.mkdir(parents=True)
    for each in (package, package.parent, package.parent.parent):
        (each / "__init__.py").touch()
    (package / "nnUNetTrainer.py").write_text(TRAINER)
    (folder / "scratch").mkdir()
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, (INJECT, folder))),
        "HOLTER_SCRATCH": str(folder / "scratch"),
        "HOLTER_GENERATION": "0",
        "HOLTER_HEAL": "checkpoints",
    }
