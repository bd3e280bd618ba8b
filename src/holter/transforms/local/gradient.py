"""Add a smooth bump to a channel: brighter or darker on one side.

Source:  batchgeneratorsv2 0.3.6 BrightnessGradientAdditiveTransform, not centred and not clipped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from holter.transforms.batch_state import Applied, BatchState, ShapePreserving
from holter.transforms.local.bump import Bump, Bumps, field, read_bumps
from holter.transforms.local.known_function import strength_of
from holter.transforms.scalar import Scalar, draw_each, pick

STOCK = "batchgeneratorsv2.transforms.local.brightness_gradient.BrightnessGradientAdditiveTransform"


@dataclass(frozen=True, slots=True)
class GradientDraw:
    """The channels to change; for each a bump, and how much is added at its highest point."""

    channels: tuple[int, ...]
    bumps: tuple[Bump, ...]
    strengths: tuple[float, ...]


@dataclass(frozen=True)
class Gradient(ShapePreserving):
    """Adds a bump to each drawn channel."""

    bumps: Bumps
    strength: Scalar
    per_channel: float
    one_bump: bool  # all channels share bump and strength
    name = "brightness gradient"

    def draw(self, rng: np.random.Generator, channels: int) -> GradientDraw | None:
        """Draw the channels, their bumps and strengths; None if no channel is drawn."""
        hit = pick(rng, channels, self.per_channel)
        if not hit:
            return None
        bumps = self.bumps.draw_each(rng, len(hit), same=self.one_bump)
        return GradientDraw(hit, bumps, draw_each(rng, self.strength, len(hit), same=self.one_bump))

    def apply(self, work: BatchState, hits: Sequence[Applied]) -> None:
        """Add the bumps to the drawn channels, in place."""
        size, device = tuple(work.image.shape[2:]), work.image.device
        for slot, draw in hits:
            for channel, bump, strength in zip(draw.channels, draw.bumps, draw.strengths, strict=True):
                work.image[slot, channel].add_(field(bump, size, device), alpha=strength)


def read(stock: Any, size: tuple[int, ...]) -> Gradient | None:
    """Return a step with the stock transform's distribution; None if it centres or clips, or draws with a function."""
    bumps, strength = read_bumps(stock, size), strength_of(stock.max_strength)
    if bumps is None or strength is None or stock.mean_centered or stock.clip_intensities:
        return None
    return Gradient(bumps, strength, float(stock.p_per_channel), bool(stock.same_for_all_channels))
