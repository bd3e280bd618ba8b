"""Remove one connected component from the previous stage's labels (cascade); done on the CPU.

Source:  batchgeneratorsv2 0.3.6 RemoveRandomConnectedComponentFromOneHotEncodingTransform: neighbours across corners
are connected, and a component that covers too much of the patch is not removed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from holter.transforms.batch_state import Applied, BatchState, ShapePreserving
from holter.transforms.scalar import pick

STOCK = (
    "batchgeneratorsv2.transforms.nnunet.remove_connected_components."
    "RemoveRandomConnectedComponentFromOneHotEncodingTransform"
)


@dataclass(frozen=True, slots=True)
class RemoveComponentDraw:
    """Channels in order; for each a number from [0, 1) that selects the component, and the channel that gets it."""

    channels: tuple[int, ...]
    choices: tuple[float, ...]
    receivers: tuple[int | None, ...]


@dataclass(frozen=True)
class RemoveComponent(ShapePreserving):
    """Removes one component of each drawn channel."""

    channels: tuple[int, ...]
    fill: float  # probability that another channel gets the component
    covers_at_most: float  # of the patch
    per_label: float
    name = "remove component (on the CPU)"

    def draw(self, rng: np.random.Generator, channels: int) -> RemoveComponentDraw | None:
        """Draw the order of all channels, which of them to change, the components, and the receiving channels.

        None if no channel is to be changed.
        """
        order = [self.channels[index] % channels for index in rng.permutation(len(self.channels))]
        hit = tuple(order[index] for index in pick(rng, len(order), self.per_label))
        if not hit:
            return None
        choices = tuple(rng.random() for _ in hit)
        return RemoveComponentDraw(hit, choices, tuple(self._receiver(rng, order, channel) for channel in hit))

    def apply(self, work: BatchState, hits: Sequence[Applied]) -> None:
        """Change the drawn channels in place, one after the other, because a component can move into a later one."""
        for slot, draw in hits:
            for channel, choice, receiver in zip(draw.channels, draw.choices, draw.receivers, strict=True):
                remove(work.image[slot], channel, choice, receiver, self.covers_at_most)

    def _receiver(self, rng: np.random.Generator, order: list[int], channel: int) -> int | None:
        others = [other for other in order if other != channel]
        if rng.random() >= self.fill or not others:
            return None
        return others[int(rng.integers(len(others)))]


def remove(image: Tensor, channel: int, choice: float, receiver: int | None, covers_at_most: float) -> None:
    """Move one connected component from ``channel`` to ``receiver``, in place; if ``receiver`` is None, remove it.

    Shapes:  image (C, *spatial) with zeros and ones in both channels.
    """
    gone = component(image[channel].cpu().numpy() != 0, choice, covers_at_most)
    if gone is None:
        return
    mask = torch.from_numpy(gone).to(image.device)
    image[channel].masked_fill_(mask, 0)
    if receiver is not None:
        image[receiver].masked_fill_(mask, 1)


def component(mask: np.ndarray[Any, Any], choice: float, covers_at_most: float) -> np.ndarray[Any, Any] | None:
    """Return the mask of one connected component of ``mask``; None if none is small enough.

    Small enough: fewer voxels than the share ``covers_at_most`` of the array. ``choice``, in [0, 1), selects among
    those.
    """
    from skimage.measure import label

    labelled, count = label(mask, return_num=True)
    if not count:
        return None
    sizes = np.bincount(labelled.ravel())[1:]
    small = np.flatnonzero(sizes < mask.size * covers_at_most) + 1
    if not len(small):
        return None
    gone: np.ndarray[Any, Any] = labelled == small[int(choice * len(small))]
    return gone


def read(stock: Any) -> RemoveComponent:
    """Return a step with the stock transform's distribution."""
    return RemoveComponent(
        tuple(int(channel) for channel in stock.channel_idx), float(stock.fill_with_other_class_p),
        float(stock.dont_do_if_covers_more_than_x_percent), float(stock.p_per_label),
    )  # fmt: skip
