"""A trainer that compiles its network on the CPU, as nnU-Net does on a GPU: torch calls the C++ compiler."""

from __future__ import annotations

from typing import Any

import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer


class nnUNetTrainerCompiled(nnUNetTrainer):  # type: ignore[misc]
    """Stock training with torch.compile, which stock leaves out on a CPU."""

    def initialize(self) -> None:
        """Initialise as stock, then compile."""
        super().initialize()
        self.network: Any = torch.compile(self.network)

    def set_deep_supervision_enabled(self, enabled: bool) -> None:
        """Set it on the wrapped network: stock checks in another way whether it was compiled."""
        self.network._orig_mod.decoder.deep_supervision = enabled
