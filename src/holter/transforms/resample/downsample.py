"""Coarser copies of the segmentation for deep supervision.

Source:  batchgeneratorsv2 0.3.6 DownsampleSegForDSTransform, which interpolates "nearest-exact": voxel i of the coarse
copy is voxel floor((i + 0.5) * ratio) of the fine one, all in float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from holter.transforms.batch_state import Applied, BatchState, WithoutRandomness, on_device

STOCK = "batchgeneratorsv2.transforms.utils.deep_supervision_downsampling.DownsampleSegForDSTransform"


@dataclass(frozen=True)
class Downsample(WithoutRandomness):
    """Turns the segmentation into a list with one entry per element of ``scales``; each has one scale per axis."""

    scales: tuple[tuple[float, ...], ...]
    name = "downsample"
    reshapes = True

    def apply(self, work: BatchState, hits: Sequence[Applied]) -> None:  # noqa: ARG002 - always all samples
        """Replace the segmentation by its lower resolutions; the full resolution is passed on without a copy."""
        work.seg = [coarse(work.seg, scales) for scales in self.scales]


def coarse(seg: Tensor, scales: Sequence[float]) -> Tensor:
    """Return a coarser seg. Shapes:  seg (B, S, *spatial), one scale per axis; seg itself if all scales are 1."""
    if all(scale == 1 for scale in scales):
        return seg
    for axis, scale in enumerate(scales, start=2):
        picked = nearest(seg.shape[axis], round(seg.shape[axis] * scale))
        steps = np.diff(picked)
        if len(picked) > 1 and (steps == steps[0]).all() and steps[0] > 0:
            stride = int(steps[0])
            where = (slice(None),) * axis + (slice(picked[0], picked[-1] + 1, stride),)
            seg = seg[where]
        else:
            seg = seg.index_select(axis, on_device(picked, seg.device, torch.int64))
    return seg.contiguous()


@lru_cache(maxsize=256)
def nearest(length: int, wanted: int) -> tuple[int, ...]:
    """Return the ``wanted`` positions, of an axis of ``length`` voxels, that make a coarser axis (nearest-exact)."""
    ratio = np.float32(length) / np.float32(wanted)
    positions = np.floor((np.arange(wanted, dtype=np.float32) + np.float32(0.5)) * ratio).astype(np.int64)
    return tuple(np.minimum(positions, length - 1).tolist())


def read(stock: Any, axes: int) -> Downsample:
    """Return a step equal to the stock transform; a single number counts for all axes."""
    given = [scale if isinstance(scale, (tuple, list)) else (scale,) * axes for scale in stock.ds_scales]
    return Downsample(tuple(tuple(float(value) for value in scale) for scale in given))
