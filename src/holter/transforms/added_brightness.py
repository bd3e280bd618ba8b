"""Add a number to each channel.

Source:  batchgeneratorsv2 0.3.6 BrightnessAdditiveTransform. A number for all channels is drawn uniformly between
``mu`` and ``sigma``; one for each channel from a normal distribution.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from holter.transforms.batch_state import Applied, BatchState, ShapePreserving, change_rows
from holter.transforms.brightness import Factors, factors_of
from holter.transforms.scalar import pick, single

STOCK = "batchgeneratorsv2.transforms.intensity.brightness.BrightnessAdditiveTransform"


@dataclass(frozen=True)
class AddedBrightness(ShapePreserving):
    """Adds a number to each drawn channel."""

    mean: float
    deviation: float
    per_channel: float
    one_number: bool
    name = "added brightness"

    def draw(self, rng: np.random.Generator, channels: int) -> Factors | None:
        """Draw which channels to change, then what is added to them; None if no channel is drawn."""
        hit = pick(rng, channels, self.per_channel)
        if not hit:
            return None
        if self.one_number:
            added = (single(rng.uniform(self.mean, self.deviation)),) * len(hit)
        else:
            added = tuple(single(rng.normal(self.mean, self.deviation)) for _ in hit)
        return Factors(hit, added)

    def apply(self, work: BatchState, hits: Sequence[Applied]) -> None:
        """Add their numbers to the drawn channels of the samples in ``hits``, in place."""
        rows, added = factors_of(hits)
        change_rows(work.image, rows, [added], add)


def add(x: Tensor, number: float | Tensor) -> None:
    """Add ``number`` to ``x`` in place. Shapes:  x (N, voxels); number a number or (N, 1)."""
    x.add_(number)


def read(stock: Any) -> AddedBrightness | None:
    """Return a step with the stock transform's distribution; None for numbers with which stock raises an error."""
    mean, deviation, is_one = stock.mu, stock.sigma, bool(stock.synchronize_channels)
    if not (isinstance(mean, (int, float)) and isinstance(deviation, (int, float))):
        return None
    if deviation < (mean if is_one else 0):
        return None
    return AddedBrightness(float(mean), float(deviation), float(stock.p_per_channel), is_one)
