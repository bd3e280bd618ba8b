"""Show the axes of a sample in a random order.

Source:  batchgeneratorsv2 0.3.6 TransposeAxesTransform.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from holter.transforms.spatial.reorder import AxisOrder, Reorder, exchangeable

STOCK = "batchgeneratorsv2.transforms.spatial.transpose.TransposeAxesTransform"


@dataclass(frozen=True, slots=True)
class TransposeDraw:
    """For each axis of the result, the axis of the sample that it shows."""

    axes: tuple[int, ...]

    def order(self, axes: int) -> AxisOrder:
        """Return the order of the axes."""
        return AxisOrder(self.axes, (False,) * axes)


@dataclass(frozen=True)
class Transpose(Reorder):
    """Exchanges the allowed axes at random; each order of them is equally likely."""

    allowed: tuple[int, ...]
    axes: int
    name = "transpose"

    def draw(self, rng: np.random.Generator, channels: int) -> TransposeDraw | None:  # noqa: ARG002 - one for all
        """Draw an order; None if it is the present one."""
        axes = list(range(self.axes))
        for axis, shown in zip(self.allowed, rng.permutation(self.allowed).tolist(), strict=True):
            axes[axis] = shown
        return None if axes == sorted(axes) else TransposeDraw(tuple(axes))


def read(stock: Any, size: tuple[int, ...]) -> Transpose | None:
    """Return a step with the stock transform's distribution; None if an order could change the size of the sample."""
    allowed = exchangeable(stock.allowed_axes, size)
    return None if allowed is None else Transpose(allowed, len(size))
