"""Raise a channel to an exponent near one place, and leave it as it is far from there.

Source:  batchgeneratorsv2 0.3.6 LocalGammaTransform.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from holter.transforms.local.bump import WithBumps, read_bumps
from holter.transforms.local.known_function import gamma_of

STOCK = "batchgeneratorsv2.transforms.local.local_gamma.LocalGammaTransform"
LEAST_SPREAD = 1e-8


@dataclass(frozen=True)
class LocalGamma(WithBumps):
    """Blends each drawn channel with itself, raised to the exponent ``number``."""

    name = "local gamma"

    def change(self, x: Tensor, number: float, share: Tensor) -> None:
        """Raise x to the exponent within its own range, in place, as far as ``share`` says: 0 not at all, 1 entirely.

        Shapes:  x and share (*spatial).
        """
        low, high = x.amin(), x.amax()
        spread = (high - low).clamp(min=LEAST_SPREAD)
        x.sub_(low).div_(spread)
        raised = x.pow(number).mul_(share)
        x.mul_(1 - share).add_(raised).mul_(spread).add_(low)


def read(stock: Any, size: tuple[int, ...]) -> LocalGamma | None:
    """Return a step with the stock transform's distribution; None if it draws with an unknown function."""
    bumps, exponent = read_bumps(stock, size), gamma_of(stock.gamma)
    if bumps is None or exponent is None:
        return None
    return LocalGamma(bumps, exponent, float(stock.p_per_channel), bool(stock.same_for_all_channels))
