"""Turn the previous stage's segmentation into input channels, one per label (cascade).

Source:  batchgeneratorsv2 0.3.6 MoveSegAsOneHotToDataTransform.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from holter.transforms.batch_state import Applied, BatchState, WithoutRandomness

STOCK = "batchgeneratorsv2.transforms.nnunet.seg_to_onehot.MoveSegAsOneHotToDataTransform"


@dataclass(frozen=True)
class OneHot(WithoutRandomness):
    """Appends one channel per label to the image: 1 where a segmentation channel has this label, else 0.

    ``remove``: that channel is then removed from the segmentation.
    """

    seg_channel: int
    labels: tuple[int, ...]
    remove: bool
    name = "one-hot"
    reshapes = True

    def channels_after(self, channels: int) -> int:
        """Return the number of channels after this step: one more for each label."""
        return channels + len(self.labels)

    def apply(self, work: BatchState, hits: Sequence[Applied]) -> None:  # noqa: ARG002 - always all samples
        """Append one channel per label to ``work.image``, for all samples; ``hits`` is not used."""
        batch, channels, *spatial = work.image.shape
        image = work.image.new_empty((batch, channels + len(self.labels), *spatial))
        image[:, :channels] = work.image
        for offset, label in enumerate(self.labels):
            image[:, channels + offset] = work.seg[:, self.seg_channel] == label
        work.image = image
        if self.remove:
            kept = [index for index in range(work.seg.shape[1]) if index != self.seg_channel]
            work.seg = torch.stack([work.seg[:, index] for index in kept], dim=1)


def read(stock: Any) -> OneHot | None:
    """Return a step equal to the stock transform; None if a label is not a plain number."""
    if not all(isinstance(label, (int, np.integer)) for label in stock.all_labels):
        return None
    labels = tuple(int(label) for label in stock.all_labels)
    return OneHot(int(stock.source_channel_idx), labels, bool(stock.remove_channel_from_source))
