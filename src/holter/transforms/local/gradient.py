"""Add a smooth bump to a channel: brighter or darker on one side.

Source:  batchgeneratorsv2 0.3.6 BrightnessGradientAdditiveTransform, not centred and not clipped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from holter.transforms.local.bump import WithBumps, read_bumps
from holter.transforms.local.known_function import strength_of

STOCK = "batchgeneratorsv2.transforms.local.brightness_gradient.BrightnessGradientAdditiveTransform"


@dataclass(frozen=True)
class Gradient(WithBumps):
    """Adds to each drawn channel a bump, which is ``number`` high."""

    name = "brightness gradient"

    def change(self, x: Tensor, number: float, share: Tensor) -> None:
        """Add the bump to x, in place. Shapes:  x and share (*spatial)."""
        x.add_(share, alpha=number)


def read(stock: Any, size: tuple[int, ...]) -> Gradient | None:
    """Return a step with the stock transform's distribution; None if it centres or clips, or draws with a function."""
    bumps, strength = read_bumps(stock, size), strength_of(stock.max_strength)
    if bumps is None or strength is None or stock.mean_centered or stock.clip_intensities:
        return None
    return Gradient(bumps, strength, float(stock.p_per_channel), bool(stock.same_for_all_channels))
