"""Replace one label by another: -1, which means outside, becomes background.

Source:  batchgeneratorsv2 0.3.6 RemoveLabelTransform.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from holter.transforms.batch_state import Applied, BatchState, WithoutRandomness, everywhere

STOCK = "batchgeneratorsv2.transforms.utils.remove_label.RemoveLabelTransform"


@dataclass(frozen=True)
class RemoveLabel(WithoutRandomness):
    """Replaces a label in all channels of the segmentation, or in some."""

    label: int
    becomes: int
    seg_channels: tuple[int, ...] | None
    name = "remove label"

    def apply(self, work: BatchState, hits: Sequence[Applied]) -> None:
        """Replace the label; in one call if all samples are in ``hits``."""
        for part in [work.seg] if everywhere(work, hits) else [work.seg[hit.slot][None] for hit in hits]:
            for channel in [part] if self.seg_channels is None else [part[:, index] for index in self.seg_channels]:
                channel.masked_fill_(channel == self.label, self.becomes)


def read(stock: Any) -> RemoveLabel:
    """Return a step equal to the stock transform."""
    channels = stock.segmentation_channels
    some = None if channels is None else tuple(int(channel) for channel in channels)
    return RemoveLabel(int(stock.label_value), int(stock.set_to), some)
