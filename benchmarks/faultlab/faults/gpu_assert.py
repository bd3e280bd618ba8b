"""A label out of range makes a GPU kernel fail. The exception is simulated, with PyTorch's message."""

from __future__ import annotations

from benchmarks.faultlab.fault import Armed
from benchmarks.survival.fault import Stage

SENTENCE = (
    "CUDA error: device-side assert triggered\nCUDA kernel errors might be asynchronously reported at some other API "
    "call, so the stacktrace below might be incorrect."
)


class GpuAssert(Armed):
    """As after a wrong label in the data."""

    name = "gpu-assert"
    summary = "(simulated message) a kernel meets a label that is out of range"
    cause = "cuda-device-assert"
    acts = True
    trainer = "nnUNetTrainerGpuFails"

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Set the message."""
        return {**super().prepare(stage), "FAULTLAB_CUDA_ERROR": SENTENCE}


SCENARIO = GpuAssert
