"""Mirror a sample along some axes, image and segmentation alike.

Source:  batchgeneratorsv2 0.3.6 MirrorTransform: each allowed axis with probability one half.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from holter.transforms.batch_state import Applied, BatchState, ShapePreserving

STOCK = "batchgeneratorsv2.transforms.spatial.mirroring.MirrorTransform"


@dataclass(frozen=True, slots=True)
class MirrorDraw:
    """The spatial axes that are flipped."""

    axes: tuple[int, ...]


@dataclass(frozen=True)
class Mirror(ShapePreserving):
    """Flips each of some axes with probability one half."""

    allowed: tuple[int, ...]
    name = "mirror"

    def draw(self, rng: np.random.Generator, channels: int) -> MirrorDraw | None:  # noqa: ARG002 - one for all
        """Draw the axes to flip; None if no axis is drawn."""
        axes = tuple(axis for axis in self.allowed if rng.random() < 0.5)
        return MirrorDraw(axes) if axes else None

    def apply(self, work: BatchState, hits: Sequence[Applied]) -> None:
        """Flip one sample at a time: each has its own axes."""
        for slot, draw in hits:
            axes = [axis + 1 for axis in draw.axes]
            for tensor in (work.image[slot], work.seg[slot]):
                tensor.copy_(tensor.flip(axes))


def read(stock: Any) -> Mirror:
    """Return a step with the stock transform's distribution."""
    return Mirror(tuple(int(axis) for axis in stock.allowed_axes))
