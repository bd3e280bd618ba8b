"""Sharpen a channel: add its difference from the neighbours of each voxel.

Source:  batchgeneratorsv2 0.3.6 SharpeningTransform: the voxel beyond an edge is that at the edge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from holter.transforms.batch_state import Applied, BatchState, ShapePreserving
from holter.transforms.scalar import Constant, Scalar, Uniform

STOCK = "batchgeneratorsv2.transforms.noise.sharpen.SharpeningTransform"


@dataclass(frozen=True, slots=True)
class SharpenDraw:
    """The channels to sharpen; for each the strength, and whether it keeps its range."""

    channels: tuple[int, ...]
    strengths: tuple[float, ...]
    kept: tuple[bool, ...]


@dataclass(frozen=True)
class Sharpen(ShapePreserving):
    """Sharpens each drawn channel."""

    strength: Scalar
    same: float  # probability that all channels share strength and range
    keep: float  # probability that a channel keeps its range
    per_channel: float
    name = "sharpen"

    def draw(self, rng: np.random.Generator, channels: int) -> SharpenDraw | None:
        """Draw strengths and ranges for all channels, then which to sharpen; None if no channel is drawn."""
        if rng.random() < self.same:
            strengths, kept = [self.strength.draw(rng)] * channels, [rng.random() < self.keep] * channels
        else:
            strengths = [self.strength.draw(rng) for _ in range(channels)]
            kept = [rng.random() < self.keep for _ in range(channels)]
        hit = tuple(channel for channel in range(channels) if rng.random() < self.per_channel)
        if not hit:
            return None
        return SharpenDraw(hit, tuple(strengths[each] for each in hit), tuple(kept[each] for each in hit))

    def apply(self, work: BatchState, hits: Sequence[Applied]) -> None:
        """Sharpen the drawn channels in place, one at a time."""
        for slot, draw in hits:
            for channel, strength, kept in zip(draw.channels, draw.strengths, draw.kept, strict=True):
                sharpen(work.image[slot, channel], strength, kept)


def sharpen(x: Tensor, strength: float, kept: bool) -> None:
    """Sharpen one channel in place. ``kept``: it keeps its range. Shapes:  x (*spatial)."""
    ends = (x.amin(), x.amax()) if kept else None
    apart = x * float(2 * x.ndim)
    for axis, length in enumerate(x.shape):
        inner = length - 1
        apart -= torch.cat((x.narrow(axis, 0, 1), x.narrow(axis, 0, inner)), axis)
        apart -= torch.cat((x.narrow(axis, 1, inner), x.narrow(axis, inner, 1)), axis)
    x.add_(apart, alpha=strength)
    if ends is not None:
        x.clamp_(*ends)


def read(stock: Any, size: tuple[int, ...]) -> Sharpen | None:
    """Return a step with the stock transform's distribution; None for numbers with which stock raises an error."""
    given = stock.strength
    if isinstance(given, float):
        strength: Scalar = Constant(given)
    elif isinstance(given, (tuple, list)) and len(given) == 2 and given[0] <= given[1]:
        strength = Uniform(float(given[0]), float(given[1]))
    else:
        return None
    if 1 in size[1:]:  # stock loses such an axis
        return None
    return Sharpen(
        strength, float(stock.p_same_for_each_channel), float(stock.p_clamp_intensities), float(stock.p_per_channel)
    )
