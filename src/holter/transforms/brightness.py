"""Multiply each channel by a factor.

Source:  batchgeneratorsv2 0.3.6 MultiplicativeBrightnessTransform.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from holter.transforms.batch_state import Applied, BatchState, ChannelIndex, ShapePreserving, change_rows
from holter.transforms.scalar import Random, draw_each, pick, read_scalar, single

STOCK = "batchgeneratorsv2.transforms.intensity.brightness.MultiplicativeBrightnessTransform"


@dataclass(frozen=True, slots=True)
class Factors:
    """The channels to change, and the factor (or the added number) of each: what is drawn for one sample."""

    channels: tuple[int, ...]
    factors: tuple[float, ...]


@dataclass(frozen=True)
class ByFactor(ShapePreserving, ABC):
    """Base class of a transform that changes each drawn channel by one number: by ``change``."""

    factor: Random
    per_channel: float
    one_factor: bool  # all drawn channels share one

    @abstractmethod
    def change(self, x: Tensor, factor: float | Tensor) -> None:
        """Change ``x`` in place. Shapes:  x (N, voxels); factor a number or (N, 1)."""

    def draw(self, rng: np.random.Generator, channels: int) -> Factors | None:
        """Draw which channels to change, then their factors; None if no channel is drawn."""
        hit = pick(rng, channels, self.per_channel)
        if not hit:
            return None
        factors = draw_each(rng, self.factor, len(hit), same=self.one_factor)
        return Factors(hit, tuple(single(value) for value in factors))

    def apply(self, work: BatchState, hits: Sequence[Applied]) -> None:
        """Change the drawn channels of the samples in ``hits``, in place."""
        rows = [ChannelIndex(hit.slot, channel) for hit in hits for channel in hit.draw.channels]
        change_rows(work.image, rows, [[factor for hit in hits for factor in hit.draw.factors]], self.change)


@dataclass(frozen=True)
class Brightness(ByFactor):
    """Multiplies each drawn channel by a factor."""

    name = "brightness"

    def change(self, x: Tensor, factor: float | Tensor) -> None:
        """Multiply ``x`` by ``factor``, in place."""
        x.mul_(factor)


def read(stock: Any) -> Brightness | None:
    """Return a step with the stock transform's distribution, or None if its factor is a function."""
    factor = read_scalar(stock.multiplier_range)
    if factor is None:
        return None
    return Brightness(factor, float(stock.p_per_channel), bool(stock.synchronize_channels))
