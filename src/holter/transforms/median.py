"""The median of the voxels around each voxel.

Source:  batchgeneratorsv2 0.3.6 MedianFilterTransform, which calls scipy.ndimage.median_filter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from holter.transforms.batch_state import Applied, BatchState, ShapePreserving

STOCK = "batchgeneratorsv2.transforms.noise.median_filter.MedianFilterTransform"


@dataclass(frozen=True, slots=True)
class MedianDraw:
    """The channels to filter, and for each the side length of its window in voxels."""

    channels: tuple[int, ...]
    sizes: tuple[int, ...]


@dataclass(frozen=True)
class Median(ShapePreserving):
    """Replaces each drawn channel by its median in a window."""

    least: int
    largest: int  # the largest side that is drawn
    same: float  # probability that all channels share their side
    per_channel: float
    name = "median"

    def draw(self, rng: np.random.Generator, channels: int) -> MedianDraw | None:
        """Draw the side lengths of the windows, then the channels; None if no channel is drawn."""
        if rng.random() < self.same:
            sizes = [int(rng.integers(self.least, self.largest + 1))] * channels
        else:
            sizes = [int(rng.integers(self.least, self.largest + 1)) for _ in range(channels)]
        hit = tuple(channel for channel in range(channels) if rng.random() < self.per_channel)
        return MedianDraw(hit, tuple(sizes[channel] for channel in hit)) if hit else None

    def apply(self, work: BatchState, hits: Sequence[Applied]) -> None:
        """Filter one channel at a time, on the CPU, as stock does."""
        from scipy.ndimage import median_filter

        for slot, draw in hits:
            for channel, size in zip(draw.channels, draw.sizes, strict=True):
                x = work.image[slot, channel]
                x.copy_(torch.from_numpy(median_filter(x.cpu().numpy(), size=size)))


def read(stock: Any) -> Median | None:
    """Return a step with the stock transform's distribution; None if its window is not given in whole voxels."""
    given = stock.filter_size
    least, end = (given, given + 1) if isinstance(given, int) else (given[0], given[1])
    if not (isinstance(least, int) and isinstance(end, int) and 1 <= least < end):
        return None
    return Median(least, end - 1, float(stock.p_same_for_each_channel), float(stock.p_per_channel))
