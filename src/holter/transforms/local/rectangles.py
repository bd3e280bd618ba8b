"""Fill some boxes of a channel with their mean, or with a number.

Source:  batchgeneratorsv2 0.3.6 BlankRectangleTransform.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch

from holter.transforms.batch_state import Applied, BatchState, ShapePreserving

STOCK = "batchgeneratorsv2.transforms.noise.blank_rectangle.BlankRectangleTransform"

Range: TypeAlias = tuple[int, int]  # the least number, and the first that is too large


class Rectangle(NamedTuple):
    """A box of voxels: its first voxel and its size along each axis."""

    lower: tuple[int, ...]
    size: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RectanglesDraw:
    """The channels to change, and the boxes of each; a later one may lie over an earlier one."""

    channels: tuple[int, ...]
    rectangles: tuple[tuple[Rectangle, ...], ...]


@dataclass(frozen=True)
class Rectangles(ShapePreserving):
    """Fills some boxes of each drawn channel."""

    image: tuple[int, ...]  # the size of the image
    sides: tuple[Range, ...]  # of a box, along each axis
    count: Range
    is_square: bool  # one side for all axes
    value: float | None  # None: the mean of the box
    per_channel: float
    name = "blank rectangles"

    def draw(self, rng: np.random.Generator, channels: int) -> RectanglesDraw | None:
        """Draw the channels, then the boxes of each; None if there is no box."""
        hit = tuple(channel for channel in range(channels) if rng.random() < self.per_channel)
        boxes = tuple(tuple(self._box(rng) for _ in range(int(rng.integers(*self.count)))) for _ in hit)
        return RectanglesDraw(hit, boxes) if any(boxes) else None

    def apply(self, work: BatchState, hits: Sequence[Applied]) -> None:
        """Fill the boxes in place, one after the other."""
        for slot, draw in hits:
            for channel, boxes in zip(draw.channels, draw.rectangles, strict=True):
                for lower, size in boxes:
                    where = tuple(slice(first, first + side) for first, side in zip(lower, size, strict=True))
                    part = work.image[slot, channel][where]
                    part.fill_(part.mean() if self.value is None else self.value)

    def _box(self, rng: np.random.Generator) -> Rectangle:
        if self.is_square:
            size: tuple[int, ...] = (int(rng.integers(*self.sides[0])),) * len(self.image)
        else:
            size = tuple(int(rng.integers(*side)) for side in self.sides)
        lower = tuple(int(rng.integers(0, have - side + 1)) for have, side in zip(self.image, size, strict=True))
        return Rectangle(lower, size)


def read(stock: Any, size: tuple[int, ...]) -> Rectangles | None:
    """Return a step with the stock transform's distribution.

    None if the value is drawn or an unknown function, and for numbers with which stock raises an error.
    """
    value, count = stock.color_fn.rectangle_value, stock.num_rectangles
    counts = (count, count + 1) if isinstance(count, int) else _range(count)
    has_value = isinstance(value, (int, float)) and not isinstance(value, bool)
    is_square, ranges = _sides(stock.rectangle_size, bool(stock.force_square), len(size))
    sides = tuple(side for side in map(_range, ranges) if side is not None)
    fits = len(sides) == len(size) and all(1 <= low <= end - 1 <= n for (low, end), n in zip(sides, size, strict=True))
    if counts is None or counts[0] < 0 or not fits or not (has_value or value is torch.mean):
        return None
    return Rectangles(size, sides, counts, is_square, float(value) if has_value else None, float(stock.p_per_channel))


def _sides(given: Any, is_square: bool, axes: int) -> tuple[bool, list[Any]]:
    # Whether one side counts for all axes, and the range of the side along each axis.
    given = [given] * axes if isinstance(given, int) else list(given)
    if all(isinstance(side, int) for side in given):
        return False, [(side, side + 1) for side in given]
    return is_square, [given[0]] * axes if is_square else given[:axes]


def _range(given: Any) -> Range | None:
    # None if numpy cannot draw from it.
    if not isinstance(given, (tuple, list)) or len(given) != 2:
        return None
    low, end = int(given[0]), int(given[1])
    return (low, end) if low < end else None
