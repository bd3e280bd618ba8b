"""Grow, shrink, close or open the previous stage's labels (cascade).

Both operations count, for every voxel, the neighbours within a ball. The count is a product in Fourier space, because
balls of up to 17 voxels make a loop over offsets slow. On the CPU only the box around the label is processed.

Source:  batchgeneratorsv2 0.3.6 ApplyRandomBinaryOperatorTransform. Its balls are those of skimage for a radius that is
not a whole number: in 3D int(2 r + 1) points evenly spaced from -r to r, in 2D -r, -r + 1 and so on; their size can be
even.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import torch
from torch import Tensor

from holter.transforms.batch_state import Applied, BatchState, ShapePreserving
from holter.transforms.scalar import Scalar, pick, read_scalar

STOCK = "batchgeneratorsv2.transforms.nnunet.random_binary_operator.ApplyRandomBinaryOperatorTransform"
# The operations of each of stock's functions, in order.
OPERATORS = {
    "binary_dilation_torch": ("grow",),
    "binary_erosion_torch": ("shrink",),
    "binary_closing_torch": ("grow", "shrink"),
    "binary_opening_torch": ("shrink", "grow"),
}


@dataclass(frozen=True, slots=True)
class BinaryOperatorDraw:
    """The channels in the order in which they are changed; for each the operator, and its ball's radius in voxels.

    ``labels``: the channels that lose what another one gains.
    """

    channels: tuple[int, ...]
    operators: tuple[str, ...]
    radii: tuple[float, ...]
    labels: tuple[int, ...]


@dataclass(frozen=True)
class BinaryOperator(ShapePreserving):
    """Grows, shrinks, closes or opens the labels in drawn channels.

    Voxels that a channel gains are removed from the others.
    """

    channels: tuple[int, ...]
    operators: tuple[str, ...]
    radius: Scalar
    per_label: float
    name = "binary operator"

    def draw(self, rng: np.random.Generator, channels: int) -> BinaryOperatorDraw | None:
        """Draw the order of all channels, which of them to change, their operators, then their radii.

        None if no channel is to be changed.
        """
        order = [self.channels[index] % channels for index in rng.permutation(len(self.channels))]
        hit = tuple(order[index] for index in pick(rng, len(order), self.per_label))
        if not hit:
            return None
        operators = tuple(self.operators[int(rng.integers(len(self.operators)))] for _ in hit)
        return BinaryOperatorDraw(hit, operators, tuple(self.radius.draw(rng) for _ in hit), tuple(order))

    def apply(self, work: BatchState, hits: Sequence[Applied]) -> None:
        """Change the drawn channels in place, one after the other, because each changes the others."""
        for slot, draw in hits:
            for channel, operator, radius in zip(draw.channels, draw.operators, draw.radii, strict=True):
                operate(work.image[slot], draw.labels, channel, operator, radius)


def operate(image: Tensor, labels: Sequence[int], channel: int, operator: str, radius: float) -> None:
    """Apply the operator to ``channel`` in place; voxels that it gains are taken from the other ``labels``.

    Shapes:  image (C, *spatial) with zeros and ones in the channels ``labels``.
    """
    before = image[channel] != 0
    around = ball(radius, before.ndim).to(image.device, non_blocking=True)
    after = reduce(lambda mask, step: STEPS[step](mask, around), OPERATORS[operator], before)
    added = after & ~before
    for other in labels:
        if other != channel:
            image[other].masked_fill_(added, 0)
    image[channel].copy_(after)


def ball(radius: float, axes: int) -> Tensor:
    """Return a ball (3 axes) or disk (2 axes) with this radius in voxels, as a boolean tensor."""
    if axes == 2:
        lines = [np.arange(-radius, radius + 1)] * 2
        points: Any = np.meshgrid(*lines, indexing="ij")
    else:
        points = np.mgrid[(slice(-radius, radius, (2 * radius + 1) * 1j),) * axes]
    squares = sum(np.square(axis) for axis in reversed(points))  # same order of rounding as skimage
    return torch.from_numpy(np.asarray(squares <= radius * radius))


def grow(mask: Tensor, around: Tensor) -> Tensor:
    """Return the voxels with at least one voxel of ``mask`` within the ball ``around`` them.

    Voxels outside the array do not belong to the mask.
    """
    if mask.device.type != "cpu":
        return _grow(mask, around)
    box = _box(mask, around)
    grown = torch.zeros_like(mask)
    if box is not None:
        grown[box] = _grow(mask[box], around)
    return grown


def shrink(mask: Tensor, around: Tensor) -> Tensor:
    """Return the voxels with only voxels of ``mask`` within the ball ``around`` them.

    Voxels outside the array belong to the mask.
    """
    if mask.device.type != "cpu":
        return ~_grow(~mask, around)
    box = _box(mask, around)
    left = torch.zeros_like(mask)
    if box is not None:
        left[box] = mask[box] & ~_grow(~mask[box], around)
    return left


STEPS = {"grow": grow, "shrink": shrink}


def _box(mask: Tensor, around: Tensor) -> tuple[slice, ...] | None:
    # The box of ``mask`` plus a ball's width on each side; None if the mask is empty.
    slices = []
    for axis, width in enumerate(around.shape):
        where = mask.movedim(axis, 0).flatten(1).any(1).nonzero()
        if not len(where):
            return None
        first, last = int(where[0]), int(where[-1])
        slices.append(slice(max(0, first - width), min(mask.shape[axis], last + 1 + width)))
    return tuple(slices)


def _grow(mask: Tensor, around: Tensor) -> Tensor:
    # A ball of even size reaches one voxel further forward than back, as in stock.
    size = [length + width - 1 for length, width in zip(mask.shape, around.shape, strict=True)]
    axes = tuple(range(mask.ndim))
    spectrum = torch.fft.rfftn(mask.float(), s=size, dim=axes)
    # stock correlates: voxel i reads i + k - (width - 1) // 2, which is a convolution with the flipped ball
    spectrum *= torch.fft.rfftn(around.flip(axes).float(), s=size, dim=axes)
    counts = torch.fft.irfftn(spectrum, s=size, dim=axes)
    starts = [width - 1 - (width - 1) // 2 for width in around.shape]
    for axis, (start, length) in enumerate(zip(starts, mask.shape, strict=True)):
        counts = counts.narrow(axis, start, length)
    return counts > 0.5


def read(stock: Any) -> BinaryOperator | None:
    """Return a step with the stock transform's distribution; None for other operators or a function as radius."""
    radius = read_scalar(stock.strel_size)
    names = tuple(getattr(operator, "__name__", "") for operator in stock.any_of_these)
    if radius is None or not set(names) <= set(OPERATORS):
        return None
    return BinaryOperator(tuple(int(index) for index in stock.channel_idx), names, radius, float(stock.p_per_label))
