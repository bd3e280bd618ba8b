"""Stretch a channel around its mean.

Source:  batchgeneratorsv2 0.3.6 ContrastTransform: mean and range are those of the channel at this point of the chain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from torch import Tensor

from holter.transforms.batch_state import Applied, BatchState, ShapePreserving, change_rows
from holter.transforms.brightness import Factors, draw_factors, factors_of
from holter.transforms.scalar import Scalar, read_scalar

STOCK = "batchgeneratorsv2.transforms.intensity.contrast.ContrastTransform"


@dataclass(frozen=True)
class Contrast(ShapePreserving):
    """Stretches each drawn channel around its mean; with ``keep_range``, clips it to the range that it had before."""

    factor: Scalar
    keep_range: bool
    per_channel: float
    one_factor: bool
    name = "contrast"

    def draw(self, rng: np.random.Generator, channels: int) -> Factors | None:
        """Draw which channels to stretch, then their factors; None if no channel is drawn."""
        return draw_factors(rng, channels, self.factor, self.per_channel, self.one_factor)

    def apply(self, work: BatchState, hits: Sequence[Applied]) -> None:
        """Stretch the drawn channels of the samples in ``hits``, in place."""
        rows, factors = factors_of(hits)
        change_rows(work.image, rows, [factors], partial(stretch, keep_range=self.keep_range))


def stretch(x: Tensor, factor: float | Tensor, *, keep_range: bool) -> None:
    """Stretch each row of x around its mean, in place; with ``keep_range``, clip it to the range that it had before.

    Shapes:  x (N, voxels); factor a number or (N, 1).
    """
    mean = x.mean(1, keepdim=True)
    low, high = x.amin(1, keepdim=True), x.amax(1, keepdim=True)
    x.sub_(mean).mul_(factor).add_(mean)
    if keep_range:
        x.clamp_(low, high)


def read(stock: Any) -> Contrast | None:
    """Return a step with the stock transform's distribution, or None if its factor is a function."""
    factor = read_scalar(stock.contrast_range)
    if factor is None:
        return None
    return Contrast(factor, bool(stock.preserve_range), float(stock.p_per_channel), bool(stock.synchronize_channels))
