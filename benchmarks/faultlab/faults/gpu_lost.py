"""A GPU falls off the bus. The GPU and the training's exception are simulated."""

from __future__ import annotations

from benchmarks.faultlab.fault import ARMED_BY
from benchmarks.faultlab.gpu import GpuFault
from benchmarks.faults.outside import Outside
from benchmarks.survival.fault import Stage


class GpuLost(GpuFault):
    """As with a bad card, slot or power supply."""

    name = "gpu-lost"
    summary = "(simulated GPU) the GPU falls off the bus and the training raises a CUDA error"
    cause = "gpu-lost-or-gsp"
    acts = True
    trainer = "nnUNetTrainerGpuFails"
    delay_s = None
    broken = {"lost": 1}

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Set PyTorch's message."""
        self._arm = stage.folder / "armed"
        sentence = "CUDA error: unspecified launch failure"
        return {**super().prepare(stage), ARMED_BY: str(self._arm), "FAULTLAB_CUDA_ERROR": sentence}

    def inject(self, outside: Outside) -> None:
        """Lose the GPU, then raise."""
        super().inject(outside)
        self._arm.touch()


SCENARIO = GpuLost
