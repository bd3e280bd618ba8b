"""Gaussian blur, axis by axis.

Every blur has the same number of taps (seven for stock's sigmas; the outer ones are 0 for a small sigma), summed from
shifted copies: with cudnn.benchmark, a convolution would be tuned again for each shape and kernel.

Source:  batchgeneratorsv2 0.3.6 GaussianBlurTransform: kernels cut at an odd length next to 6 sigma + 0.5, mirrored
at the edges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp
from typing import Any

import numpy as np
import torch
from torch import Tensor

from holter.transforms.batch_state import Applied, BatchState, ShapePreserving, on_device
from holter.transforms.scalar import Scalar, pick, read_scalar, upper_end

STOCK = "batchgeneratorsv2.transforms.noise.gaussian_blur.GaussianBlurTransform"
TRUNCATE = 6.0
CACHED_VOXELS = 65_536  # on the CPU, parts of this size stay in the second-level cache between taps


@dataclass(frozen=True, slots=True)
class BlurDraw:
    """The channels to blur, and for each of them one sigma per axis, in voxels."""

    channels: tuple[int, ...]
    sigmas: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Blur(ShapePreserving):
    """Blurs each drawn channel along all axes, one after the other."""

    sigma: Scalar
    per_channel: float
    one_channel: bool  # all channels share their sigmas
    one_axis: bool  # all axes share one sigma
    axes: int
    name = "blur"

    def draw(self, rng: np.random.Generator, channels: int) -> BlurDraw | None:
        """Draw which channels to blur, then their sigmas; None if no channel is drawn."""
        hit = pick(rng, channels, self.per_channel)
        if not hit:
            return None
        if self.one_channel:
            return BlurDraw(hit, (self._sigmas(rng),) * len(hit))
        return BlurDraw(hit, tuple(self._sigmas(rng) for _ in hit))

    def apply(self, work: BatchState, hits: Sequence[Applied]) -> None:
        """Blur the drawn channels in place, one at a time."""
        radius = kernel_size(upper_end(self.sigma)) // 2
        for slot, draw in hits:
            for channel, sigmas in zip(draw.channels, draw.sigmas, strict=True):
                blur(work.image[slot, channel], sigmas, radius)

    def _sigmas(self, rng: np.random.Generator) -> tuple[float, ...]:
        if self.one_axis:
            return (self.sigma.draw(rng),) * self.axes
        return tuple(self.sigma.draw(rng) for _ in range(self.axes))


def blur(x: Tensor, sigmas: Sequence[float], radius: int) -> None:
    """Blur one channel in place. ``radius``: the number of taps on each side of the centre.

    Shapes:  x (*spatial); one sigma per axis, in voxels. An axis of one voxel is not changed.
    """
    for axis, sigma in enumerate(sigmas):
        if x.shape[axis] == 1:
            continue
        taps = half_kernel(sigma)[: radius + 1]
        mirrored = np.pad(np.arange(x.shape[axis]), radius, mode="reflect").tolist()
        index = on_device(mirrored, x.device, torch.int64)
        for part in _parts(x, axis):
            part.copy_(_weighted(part.index_select(axis, index), taps, axis, radius))


def kernel_size(sigma: float) -> int:
    """Return the odd number next to 6 sigma + 0.5; if it rounds to an even number, the odd one on the exact side."""
    exact = sigma * TRUNCATE + 0.5
    rounded = round(exact)
    if rounded % 2 == 1:
        return rounded
    return rounded + 1 if exact >= rounded else rounded - 1


def half_kernel(sigma: float) -> tuple[float, ...]:
    """Return the weights of a Gaussian kernel from its centre outwards; with their mirror image they sum to 1."""
    weights = [exp(-0.5 * (offset / sigma) ** 2) for offset in range(kernel_size(sigma) // 2 + 1)]
    total = weights[0] + 2 * sum(weights[1:])
    return tuple(weight / total for weight in weights)


def _weighted(mirrored: Tensor, taps: Sequence[float], axis: int, radius: int) -> Tensor:
    length = mirrored.shape[axis] - 2 * radius
    total = mirrored.narrow(axis, radius, length) * taps[0]
    for offset, weight in enumerate(taps[1:], start=1):
        for start in (radius - offset, radius + offset):
            total.add_(mirrored.narrow(axis, start, length), alpha=weight)
    return total


def _parts(x: Tensor, axis: int) -> Sequence[Tensor]:
    # Pieces that can be blurred along ``axis`` one by one; on a GPU a single piece.
    if x.device.type != "cpu" or x.ndim < 2:
        return (x,)
    across = 0 if axis else 1
    rows: Sequence[Tensor] = x.split(max(1, CACHED_VOXELS * x.shape[across] // max(1, x.numel())), dim=across)
    return rows


def read(stock: Any, axes: int) -> Blur | None:
    """Return a step with the stock transform's distribution, or None if its sigma is a function."""
    sigma = read_scalar(stock.blur_sigma)
    if sigma is None or upper_end(sigma) <= 0:
        return None
    return Blur(sigma, float(stock.p_per_channel), bool(stock.synchronize_channels), bool(stock.synchronize_axes), axes)
