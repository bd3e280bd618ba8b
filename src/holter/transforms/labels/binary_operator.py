"""Grow, shrink, close or open the previous stage's labels (cascade).

Both operations count, for every voxel, the neighbours within a ball. The count is a product in Fourier space, as ball
sizes of up to 17 voxels make a loop over offsets slow. On the CPU only the box around the label is worked on.

Source:  batchgeneratorsv2 0.3.6 ApplyRandomBinaryOperatorTransform. Its balls are those of skimage for a radius that
is not a whole number: in 3D int(2 r + 1) points evenly from -r to r, in 2D -r, -r + 1 and so on; their size can be
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
# What each of stock's functions does, first to last.
OPERATORS = {
    "binary_dilation_torch": ("grow",),
    "binary_erosion_torch": ("shrink",),
    "binary_closing_torch": ("grow", "shrink"),
    "binary_opening_torch": ("shrink", "grow"),
}


@dataclass(frozen=True, slots=True)
class BinaryOperatorDraw:
    """Channels in the order in which they are changed, with operator and radius of the ball."""

    channels: tuple[int, ...]
    operators: tuple[str, ...]
    radii: tuple[float, ...]


@dataclass(frozen=True)
class BinaryOperator(ShapePreserving):
    """What grows takes its voxels from the other channels."""

    channels: tuple[int, ...]
    operators: tuple[str, ...]
    radius: Scalar
    per_label: float
    name = "binary operator"

    def draw(self, rng: np.random.Generator, channels: int) -> BinaryOperatorDraw | None:
        """The order of all channels, those that are hit, their operators, then their radii."""
        order = [self.channels[index] % channels for index in rng.permutation(len(self.channels))]
        hit = tuple(order[index] for index in pick(rng, len(order), self.per_label))
        if not hit:
            return None
        operators = tuple(self.operators[int(rng.integers(len(self.operators)))] for _ in hit)
        return BinaryOperatorDraw(hit, operators, tuple(self.radius.draw(rng) for _ in hit))

    def apply(self, work: BatchState, hits: Sequence[Applied]) -> None:
        """One channel after the other, because each changes the others."""
        labels = [channel % work.image.shape[1] for channel in self.channels]
        for slot, draw in hits:
            for channel, operator, radius in zip(draw.channels, draw.operators, draw.radii, strict=True):
                operate(work.image[slot], labels, channel, operator, radius)


def operate(image: Tensor, labels: Sequence[int], channel: int, operator: str, radius: float) -> None:
    """Shapes:  image (C, *spatial) with zeros and ones in the channels ``labels``, changed in place."""
    before = image[channel] != 0
    around = ball(radius, before.ndim).to(image.device, non_blocking=True)
    after = reduce(lambda mask, step: STEPS[step](mask, around), OPERATORS[operator], before)
    added = after & ~before
    for other in labels:
        if other != channel:
            image[other].masked_fill_(added, 0)
    image[channel].copy_(after)


def ball(radius: float, axes: int) -> Tensor:
    """A boolean ball, or disk."""
    if axes == 2:
        lines = [np.arange(-radius, radius + 1)] * 2
        points: Any = np.meshgrid(*lines, indexing="ij")
    else:
        points = np.mgrid[(slice(-radius, radius, (2 * radius + 1) * 1j),) * axes]
    squares = sum(np.square(axis) for axis in reversed(points))  # in the order in which skimage rounds
    return torch.from_numpy(np.asarray(squares <= radius * radius))


def grow(mask: Tensor, around: Tensor) -> Tensor:
    """Voxels with at least one of ``mask`` within the ball; nothing is outside."""
    if mask.device.type != "cpu":
        return _grow(mask, around)
    box = _box(mask, around)
    grown = torch.zeros_like(mask)
    if box is not None:
        grown[box] = _grow(mask[box], around)
    return grown


def shrink(mask: Tensor, around: Tensor) -> Tensor:
    """Voxels with nothing but ``mask`` within the ball; all is mask outside."""
    if mask.device.type != "cpu":
        return ~_grow(~mask, around)
    box = _box(mask, around)
    left = torch.zeros_like(mask)
    if box is not None:
        left[box] = mask[box] & ~_grow(~mask[box], around)
    return left


STEPS = {"grow": grow, "shrink": shrink}


def _box(mask: Tensor, around: Tensor) -> tuple[slice, ...] | None:
    """The box of ``mask`` and a ball's width around it; None where there is no mask."""
    slices = []
    for axis, width in enumerate(around.shape):
        where = mask.movedim(axis, 0).flatten(1).any(1).nonzero()
        if not len(where):
            return None
        first, last = int(where[0]), int(where[-1])
        slices.append(slice(max(0, first - width), min(mask.shape[axis], last + 1 + width)))
    return tuple(slices)


def _grow(mask: Tensor, around: Tensor) -> Tensor:
    """The ball of an even size reaches one voxel further forward than back, as stock's does."""
    size = [length + width - 1 for length, width in zip(mask.shape, around.shape, strict=True)]
    axes = tuple(range(mask.ndim))
    spectrum = torch.fft.rfftn(mask.float(), s=size, dim=axes)
    # stock correlates: voxel i sees i + k - (width - 1) // 2, which convolves with the ball turned around
    spectrum *= torch.fft.rfftn(around.flip(axes).float(), s=size, dim=axes)
    counts = torch.fft.irfftn(spectrum, s=size, dim=axes)
    starts = [width - 1 - (width - 1) // 2 for width in around.shape]
    for axis, (start, length) in enumerate(zip(starts, mask.shape, strict=True)):
        counts = counts.narrow(axis, start, length)
    return counts > 0.5


def read(stock: Any) -> BinaryOperator | None:
    """The same distribution as the stock transform, or None if it has other operators or a function for the radius."""
    radius = read_scalar(stock.strel_size)
    names = tuple(getattr(operator, "__name__", "") for operator in stock.any_of_these)
    if radius is None or not set(names) <= set(OPERATORS):
        return None
    return BinaryOperator(tuple(int(one) for one in stock.channel_idx), names, radius, float(stock.p_per_label))
