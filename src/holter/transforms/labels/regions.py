"""Turn labels into overlapping regions, one channel each; an ignore label is the last of them.

Source:  batchgeneratorsv2 0.3.6 ConvertSegmentationToRegionsTransform.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from holter.transforms.batch_state import Applied, BatchState, WithoutRandomness

STOCK = "batchgeneratorsv2.transforms.utils.seg_to_regions.ConvertSegmentationToRegionsTransform"


@dataclass(frozen=True)
class Regions(WithoutRandomness):
    """Turns the segmentation into (B, regions, *spatial) bool."""

    regions: tuple[tuple[int, ...], ...]
    seg_channel: int
    name = "regions"
    reshapes = True

    def apply(self, work: BatchState, hits: Sequence[Applied]) -> None:  # noqa: ARG002 - always all samples
        """Replace ``work.seg`` by the masks of the regions, for all samples; ``hits`` is not used."""
        labels = work.seg[:, self.seg_channel]
        masks = torch.zeros((len(labels), len(self.regions), *labels.shape[1:]), dtype=torch.bool, device=labels.device)
        for index, region in enumerate(self.regions):
            for label in region:
                masks[:, index] |= labels == label
        work.seg = masks


def read(stock: Any) -> Regions | None:
    """Return a step equal to the stock transform (it stores regions as tensors); None if a label is not an integer."""
    regions = [region.tolist() for region in stock.regions]
    if any(label != int(label) for region in regions for label in region):
        return None
    return Regions(tuple(tuple(int(label) for label in region) for region in regions), int(stock.channel_in_seg))
