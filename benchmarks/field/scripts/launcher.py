"""A custom launcher: it calls nnU-Net's ``run_training()`` with its own arguments."""

from __future__ import annotations

import torch
from nnunetv2.run.run_training import run_training


def main() -> None:
    """Train the generated brains on the CPU."""
    torch.set_num_threads(1)
    run_training("801", "3d_fullres", 0, trainer_class_name="nnUNetTrainerShort", device=torch.device("cpu"))


if __name__ == "__main__":
    main()
