"""Labels become overlapping regions, one channel each; an ignore label comes as the last of them.

Source:  batchgeneratorsv2 0.3.6 ConvertSegmentationToRegionsTransform.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from holter.transforms.batch_state import ALWAYS, Applied, BatchState, NoDraw

STOCK = "batchgeneratorsv2.transforms.utils.seg_to_regions.ConvertSegmentationToRegionsTransform"


@dataclass(frozen=True)
class Regions:
    """The segmentation becomes (B, regions, *spatial) bool."""

    regions: tuple[tuple[int, ...], ...]
    seg_channel: int
    name = "regions"
    reshapes = True

    def draw(self, rng: np.random.Generator, channels: int) -> NoDraw:  # noqa: ARG002 - one signature for all
        """Nothing is drawn."""
        return ALWAYS

    def channels_after(self, channels: int) -> int:
        """The image stays as it is."""
        return channels

    def apply(self, work: BatchState, hits: Sequence[Applied]) -> None:  # noqa: ARG002 - always all samples
        """Always the whole batch."""
        labels = work.seg[:, self.seg_channel]
        found = torch.zeros((len(labels), len(self.regions), *labels.shape[1:]), dtype=torch.bool, device=labels.device)
        for index, region in enumerate(self.regions):
            for label in region:
                found[:, index] |= labels == label
        work.seg = found


def read(stock: Any) -> Regions | None:
    """The same as the stock transform, which keeps each region as a tensor; None if a label is not a whole number."""
    regions = [region.tolist() for region in stock.regions]
    if any(label != int(label) for region in regions for label in region):
        return None
    return Regions(tuple(tuple(int(label) for label in region) for region in regions), int(stock.channel_in_seg))
