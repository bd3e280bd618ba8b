"""Stretch a channel around its mean.

Source:  batchgeneratorsv2 0.3.6 ContrastTransform: mean and range are those of the channel at this point of the chain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from holter.transforms.brightness import ByFactor
from holter.transforms.scalar import read_scalar

STOCK = "batchgeneratorsv2.transforms.intensity.contrast.ContrastTransform"


@dataclass(frozen=True)
class Contrast(ByFactor):
    """Stretches each drawn channel around its mean; with ``keep_range``, clips it to the range that it had before."""

    keep_range: bool
    name = "contrast"

    def change(self, x: Tensor, factor: float | Tensor) -> None:
        """Stretch each row of x, in place. Shapes:  x (N, voxels); factor a number or (N, 1)."""
        mean = x.mean(1, keepdim=True)
        low, high = x.amin(1, keepdim=True), x.amax(1, keepdim=True)
        x.sub_(mean).mul_(factor).add_(mean)
        if self.keep_range:
            x.clamp_(low, high)


def read(stock: Any) -> Contrast | None:
    """Return a step with the stock transform's distribution, or None if its factor is a function."""
    factor = read_scalar(stock.contrast_range)
    if factor is None:
        return None
    return Contrast(factor, float(stock.p_per_channel), bool(stock.synchronize_channels), bool(stock.preserve_range))
