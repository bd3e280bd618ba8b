"""Choose how a sample is resampled: torch's own sampler on the CPU, one fused kernel on CUDA, gathers elsewhere."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor

from holter.transforms import resample_cpu, resample_portable
from holter.transforms.placement import How, Placement

Resampler = Callable[[Tensor, Tensor, Placement, How, tuple[Tensor, Tensor]], None]


def resampler_for(device: torch.device) -> Resampler:
    """The function for tensors of this device."""
    if device.type == "cpu":
        return resample_cpu.resample
    if device.type == "cuda" and has_triton():
        from holter.transforms import resample_triton

        return resample_triton.resample
    return resample_portable.resample


def working_bytes(device: torch.device, seg_channels: int) -> int:
    """What the resampler of this device takes beside its inputs and outputs, at most."""
    if resampler_for(device) is not resample_portable.resample:
        return 0  # the fused kernel has nothing in memory
    a_voxel = resample_portable.BYTES_A_VOXEL + seg_channels * resample_portable.BYTES_A_SEG_CHANNEL
    return resample_portable.SLAB_VOXELS * a_voxel


@lru_cache(maxsize=1)
def has_triton() -> bool:
    """Whether Triton is there; torch brings it along on Linux with CUDA."""
    return importlib.util.find_spec("triton") is not None
