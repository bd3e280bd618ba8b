"""Multiply each channel by a factor.

Source:  batchgeneratorsv2 0.3.6 MultiplicativeBrightnessTransform.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from holter.transforms.batch_state import Applied, BatchState, ChannelIndex, ShapePreserving, change_rows
from holter.transforms.scalar import Scalar, draw_each, pick, read_scalar, single

STOCK = "batchgeneratorsv2.transforms.intensity.brightness.MultiplicativeBrightnessTransform"


@dataclass(frozen=True, slots=True)
class Factors:
    """The channels to change, and the factor of each: what ``Brightness`` and ``Contrast`` draw for one sample."""

    channels: tuple[int, ...]
    factors: tuple[float, ...]


@dataclass(frozen=True)
class Brightness(ShapePreserving):
    """Multiplies each drawn channel by a factor."""

    factor: Scalar
    per_channel: float
    one_factor: bool
    name = "brightness"

    def draw(self, rng: np.random.Generator, channels: int) -> Factors | None:
        """Draw which channels to multiply, then their factors; None if no channel is drawn."""
        return draw_factors(rng, channels, self.factor, self.per_channel, self.one_factor)

    def apply(self, work: BatchState, hits: Sequence[Applied]) -> None:
        """Multiply the drawn channels of the samples in ``hits`` by their factors, in place."""
        rows, factors = factors_of(hits)
        change_rows(work.image, rows, [factors], multiply)


def multiply(x: Tensor, factor: float | Tensor) -> None:
    """Multiply ``x`` by ``factor`` in place. Shapes:  x (N, voxels); factor a number or (N, 1)."""
    x.mul_(factor)


def draw_factors(
    rng: np.random.Generator, channels: int, factor: Scalar, per_channel: float, one_factor: bool
) -> Factors | None:
    """Draw which of ``channels`` to change, and their factors; None if no channel is drawn.

    ``per_channel``: the probability of each channel. ``one_factor``: the drawn channels share one factor.
    """
    hit = pick(rng, channels, per_channel)
    if not hit:
        return None
    factors = draw_each(rng, factor, len(hit), same=one_factor)
    return Factors(hit, tuple(single(value) for value in factors))


def factors_of(hits: Sequence[Applied]) -> tuple[list[ChannelIndex], list[float]]:
    """Return the drawn channels of all samples in ``hits`` as one list, and the factor of each."""
    rows = [ChannelIndex(hit.slot, channel) for hit in hits for channel in hit.draw.channels]
    return rows, [factor for hit in hits for factor in hit.draw.factors]


def read(stock: Any) -> Brightness | None:
    """Return a step with the stock transform's distribution, or None if its factor is a function."""
    factor = read_scalar(stock.multiplier_range)
    if factor is None:
        return None
    return Brightness(factor, float(stock.p_per_channel), bool(stock.synchronize_channels))
