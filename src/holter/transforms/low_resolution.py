"""Simulate a lower resolution of a channel: down to the nearest voxel, up again linearly.

Source:  batchgeneratorsv2 0.3.6 SimulateLowResolutionTransform (nearest-exact, then linear without aligned corners).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor
from torch.nn.functional import interpolate

from holter.transforms.batch_state import Applied, BatchState, ShapePreserving
from holter.transforms.scalar import Scalar, draw_each, pick, read_scalar, single

STOCK = "batchgeneratorsv2.transforms.spatial.low_resolution.SimulateLowResolutionTransform"
UPWARD = {1: "linear", 2: "bilinear", 3: "trilinear"}


@dataclass(frozen=True, slots=True)
class LowResolutionDraw:
    """The channels, and for each one factor per axis: 0.5 is half the resolution."""

    channels: tuple[int, ...]
    factors: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class LowResolution(ShapePreserving):
    """Lowers the resolution of each drawn channel."""

    factor: Scalar
    per_channel: float
    one_channel: bool  # all channels share their factors
    one_axis: bool  # all axes share one factor
    fixed_axes: tuple[int, ...]  # keep their resolution
    allowed: tuple[int, ...] | None  # channels that may be drawn; None: all
    axes: int
    name = "low resolution"

    def draw(self, rng: np.random.Generator, channels: int) -> LowResolutionDraw | None:
        """Draw which channels to change, then their factors; None if no channel is drawn."""
        allowed = tuple(range(channels)) if self.allowed is None else self.allowed
        hit = tuple(allowed[index] for index in pick(rng, len(allowed), self.per_channel))
        if not hit:
            return None
        if self.one_channel:
            return LowResolutionDraw(hit, (self._factors(rng),) * len(hit))
        return LowResolutionDraw(hit, tuple(self._factors(rng) for _ in hit))

    def apply(self, work: BatchState, hits: Sequence[Applied]) -> None:
        """Lower the resolution of one channel at a time, because each has its own intermediate size."""
        for slot, draw in hits:
            for channel, factors in zip(draw.channels, draw.factors, strict=True):
                coarsen(work.image[slot, channel], factors)

    def _factors(self, rng: np.random.Generator) -> tuple[float, ...]:
        drawn = draw_each(rng, self.factor, self.axes, same=self.one_axis)
        return tuple(1.0 if axis in self.fixed_axes else single(value) for axis, value in enumerate(drawn))


def coarsen(x: Tensor, factors: Sequence[float]) -> None:
    """Lower the resolution in place; each axis keeps at least one voxel. Shapes:  x (*spatial); one factor per axis."""
    size = [max(1, round(length * factor)) for length, factor in zip(x.shape, factors, strict=True)]
    small = interpolate(x[None, None], size, mode="nearest-exact")
    x.copy_(interpolate(small, tuple(x.shape), mode=UPWARD[x.ndim], align_corners=False)[0, 0])


def read(stock: Any, axes: int) -> LowResolution | None:
    """Return a step with the stock transform's distribution, or None if its factor is a function."""
    factor = read_scalar(stock.scale)
    if factor is None:
        return None
    ignored = stock.ignore_axes if stock.ignore_axes is not None else ()
    fixed = tuple(int(axis) % axes for axis in (ignored if isinstance(ignored, (tuple, list)) else (ignored,)))
    allowed = None if stock.allowed_channels is None else tuple(int(channel) for channel in stock.allowed_channels)
    return LowResolution(
        factor, float(stock.p_per_channel), bool(stock.synchronize_channels), bool(stock.synchronize_axes),
        fixed, allowed, axes,
    )  # fmt: skip
