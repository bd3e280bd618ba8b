"""Choose a resampler: torch's own sampler on the CPU, one fused kernel on CUDA, gathers on other devices."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor

from holter.transforms.resample import cpu, portable
from holter.transforms.spatial.placement import How, Placement

Resampler = Callable[[Tensor, Tensor, Placement, How, tuple[Tensor, Tensor]], None]


def resampler_for(device: torch.device, *, cuts: bool = False) -> Resampler:
    """Return the function that resamples a sample whose tensors are on this device; ``cuts``: as ``How.cuts``."""
    if device.type == "cpu":
        return cpu.resample
    if device.type == "cuda" and has_triton() and not cuts:
        from holter.transforms.resample import triton_kernel

        return triton_kernel.resample
    return portable.resample


def working_bytes(device: torch.device, seg_channels: int, *, cuts: bool = False) -> int:
    """Return the most bytes that this device's resampler needs in addition to its inputs and outputs."""
    if resampler_for(device, cuts=cuts) is not portable.resample:
        return 0  # the fused kernel allocates nothing
    a_voxel = portable.BYTES_A_VOXEL + seg_channels * portable.BYTES_A_SEG_CHANNEL
    return portable.SLAB_VOXELS * a_voxel


@lru_cache(maxsize=1)
def has_triton() -> bool:
    """Whether Triton is installed; torch on Linux with CUDA includes it."""
    return importlib.util.find_spec("triton") is not None
