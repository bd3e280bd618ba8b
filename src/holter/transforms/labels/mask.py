"""Blank the image outside the mask that normalisation used, where the segmentation is -1.

Source:  batchgeneratorsv2 0.3.6 MaskImageTransform.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from holter.transforms.batch_state import Applied, BatchState, WithoutRandomness

STOCK = "batchgeneratorsv2.transforms.utils.nnunet_masking.MaskImageTransform"


@dataclass(frozen=True)
class Mask(WithoutRandomness):
    """Sets some channels to a value where a channel of the segmentation is negative."""

    channels: tuple[int, ...]
    seg_channel: int
    value: float
    name = "mask"

    def apply(self, work: BatchState, hits: Sequence[Applied]) -> None:
        """Set the image outside the mask to ``value``, in place, one sample at a time, so that no copy is needed."""
        for slot, _ in hits:
            outside = work.seg[slot, self.seg_channel] < 0
            for channel in self.channels:
                work.image[slot, channel].masked_fill_(outside, self.value)


def read(stock: Any) -> Mask:
    """Return a step equal to the stock transform."""
    channels = tuple(int(channel) for channel in stock.apply_to_channels)
    return Mask(channels, int(stock.channel_idx_in_seg), float(stock.set_outside_to))
