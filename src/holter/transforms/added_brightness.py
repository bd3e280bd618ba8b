"""Add a number to each channel.

Source:  batchgeneratorsv2 0.3.6 BrightnessAdditiveTransform. A number for all channels is drawn uniformly between
``mu`` and ``sigma``; one for each channel from a normal distribution.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from holter.transforms.brightness import ByFactor
from holter.transforms.scalar import Normal, Uniform

STOCK = "batchgeneratorsv2.transforms.intensity.brightness.BrightnessAdditiveTransform"


@dataclass(frozen=True)
class AddedBrightness(ByFactor):
    """Adds a number to each drawn channel."""

    name = "added brightness"

    def change(self, x: Tensor, factor: float | Tensor) -> None:
        """Add ``factor`` to ``x``, in place. Shapes:  x (N, voxels); factor a number or (N, 1)."""
        x.add_(factor)


def read(stock: Any) -> AddedBrightness | None:
    """Return a step with the stock transform's distribution; None for numbers with which stock raises an error."""
    mean, deviation, is_one = stock.mu, stock.sigma, bool(stock.synchronize_channels)
    if not (isinstance(mean, (int, float)) and isinstance(deviation, (int, float))):
        return None
    if deviation < (mean if is_one else 0):
        return None
    return AddedBrightness((Uniform if is_one else Normal)(mean, deviation), float(stock.p_per_channel), is_one)
