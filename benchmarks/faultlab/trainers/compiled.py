"""A trainer that compiles its network on the CPU, as nnU-Net does on a GPU: torch calls the C++ compiler."""

from __future__ import annotations

from typing import Any

import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer


class nnUNetTrainerCompiled(nnUNetTrainer):  # type: ignore[misc]
    """Stock training with torch.compile, which stock leaves out on a CPU."""

    def initialize(self) -> None:
        """As stock, compiled."""
        super().initialize()
        self.network: Any = torch.compile(self.network)

    def set_deep_supervision_enabled(self, enabled: bool) -> None:
        """Stock asks whether it has compiled by another way."""
        self.network._orig_mod.decoder.deep_supervision = enabled
