"""Raise a channel to an exponent near one place, and leave it as it is far from there.

Source:  batchgeneratorsv2 0.3.6 LocalGammaTransform.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from holter.transforms.batch_state import Applied, BatchState, ShapePreserving
from holter.transforms.local.bump import Bump, Bumps, field, read_bumps
from holter.transforms.local.known_function import gamma_of
from holter.transforms.scalar import Scalar, draw_each, pick

STOCK = "batchgeneratorsv2.transforms.local.local_gamma.LocalGammaTransform"
LEAST_SPREAD = 1e-8


@dataclass(frozen=True, slots=True)
class LocalGammaDraw:
    """The channels to change; for each the exponent, and the bump that says where it counts."""

    channels: tuple[int, ...]
    bumps: tuple[Bump, ...]
    exponents: tuple[float, ...]


@dataclass(frozen=True)
class LocalGamma(ShapePreserving):
    """Blends each drawn channel with itself, raised to an exponent."""

    bumps: Bumps
    exponent: Scalar
    per_channel: float
    one_bump: bool  # all channels share bump and exponent
    name = "local gamma"

    def draw(self, rng: np.random.Generator, channels: int) -> LocalGammaDraw | None:
        """Draw the channels, their bumps and exponents; None if no channel is drawn."""
        hit = pick(rng, channels, self.per_channel)
        if not hit:
            return None
        bumps = self.bumps.draw_each(rng, len(hit), same=self.one_bump)
        return LocalGammaDraw(hit, bumps, draw_each(rng, self.exponent, len(hit), same=self.one_bump))

    def apply(self, work: BatchState, hits: Sequence[Applied]) -> None:
        """Change the drawn channels in place."""
        size, device = tuple(work.image.shape[2:]), work.image.device
        for slot, draw in hits:
            for channel, bump, exponent in zip(draw.channels, draw.bumps, draw.exponents, strict=True):
                raise_near(work.image[slot, channel], exponent, field(bump, size, device))


def raise_near(x: Tensor, exponent: float, share: Tensor) -> None:
    """Raise x to the exponent within its own range, in place, as far as ``share`` says: 0 not at all, 1 entirely.

    Shapes:  x and share (*spatial).
    """
    low, high = x.amin(), x.amax()
    spread = (high - low).clamp(min=LEAST_SPREAD)
    x.sub_(low).div_(spread)
    raised = x.pow(exponent).mul_(share)
    x.mul_(1 - share).add_(raised).mul_(spread).add_(low)


def read(stock: Any, size: tuple[int, ...]) -> LocalGamma | None:
    """Return a step with the stock transform's distribution; None if it draws with an unknown function."""
    bumps, exponent = read_bumps(stock, size), gamma_of(stock.gamma)
    if bumps is None or exponent is None:
        return None
    return LocalGamma(bumps, exponent, float(stock.p_per_channel), bool(stock.same_for_all_channels))
