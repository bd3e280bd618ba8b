"""Show the axes of a sample in another order or backwards: what turns by 90 degrees and transpositions share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

from holter.transforms.batch_state import Applied, BatchState, ShapePreserving


class AxisOrder(NamedTuple):
    """For each axis of the result: which axis of the sample it shows, and whether it shows it backwards."""

    axes: tuple[int, ...]
    backwards: tuple[bool, ...]


class Reorder(ShapePreserving):
    """Base class of a step that gives the axes of a sample another order; axes that change places have one size."""

    def apply(self, work: BatchState, hits: Sequence[Applied]) -> None:
        """Reorder one sample at a time, image and segmentation: each has its own order."""
        for slot, draw in hits:
            for tensor in (work.image[slot], work.seg[slot]):
                tensor.copy_(reordered(tensor, draw.order(tensor.ndim - 1)))


def reordered(x: Tensor, order: AxisOrder) -> Tensor:
    """Return a copy with the axes in this order. Shapes:  x (C, *spatial)."""
    shown = x.permute(0, *(axis + 1 for axis in order.axes))
    return shown.flip([axis + 1 for axis, is_backwards in enumerate(order.backwards) if is_backwards])


def exchangeable(allowed: Sequence[int], size: Sequence[int]) -> tuple[int, ...] | None:
    """Return the axes that may change places, sorted; None if they do not have one size, or do not exist."""
    axes = tuple(sorted(int(axis) for axis in allowed))
    if any(not 0 <= axis < len(size) for axis in axes) or len({size[axis] for axis in axes}) > 1:
        return None
    return axes
