"""A smooth bump (a Gaussian with its own centre and width along each axis), and transforms that act where it is high.

Source:  batchgeneratorsv2 0.3.6 LocalTransform. Its Gaussian is integrated over each voxel.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from holter.transforms.batch_state import Applied, BatchState, ShapePreserving
from holter.transforms.local.known_function import widths_of
from holter.transforms.scalar import Scalar, draw_each, lower_end, pick, read_scalar, upper_end

FARTHEST = 6.0  # widths from the centre to the image: from further away, stock's bump is made of rounding errors


@dataclass(frozen=True, slots=True)
class Bump:
    """Centre and standard deviation along each axis, in voxels; the first voxel's centre is 0."""

    centres: tuple[float, ...]
    widths: tuple[float, ...]


@dataclass(frozen=True)
class Bumps:
    """The distribution of bumps in images of one size."""

    size: tuple[int, ...]
    place: Scalar  # of the centre, as a share of the axis' length; outside the image below 0 and above 1
    widths: tuple[Scalar, ...]

    def draw(self, rng: np.random.Generator) -> Bump:
        """Draw a centre and a width for each axis."""
        drawn = [(self.place.draw(rng) * n, width.draw(rng)) for n, width in zip(self.size, self.widths, strict=True)]
        centres, widths = zip(*drawn, strict=True)
        return Bump(centres, widths)

    def draw_each(self, rng: np.random.Generator, count: int, *, same: bool) -> tuple[Bump, ...]:
        """Return ``count`` bumps; with ``same``, one is drawn and repeated."""
        return (self.draw(rng),) * count if same else tuple(self.draw(rng) for _ in range(count))


@dataclass(frozen=True, slots=True)
class BumpDraw:
    """The channels to change; for each a bump, and the number that the transform uses at its highest point."""

    channels: tuple[int, ...]
    bumps: tuple[Bump, ...]
    numbers: tuple[float, ...]


@dataclass(frozen=True)
class WithBumps(ShapePreserving, ABC):
    """Base class of a transform that changes each drawn channel near one place: by ``change``."""

    bumps: Bumps
    number: Scalar
    per_channel: float
    one_bump: bool  # all channels share bump and number

    @abstractmethod
    def change(self, x: Tensor, number: float, share: Tensor) -> None:
        """Change one channel in place; ``share``: the bump's height, 0 to 1. Shapes:  x and share (*spatial)."""

    def draw(self, rng: np.random.Generator, channels: int) -> BumpDraw | None:
        """Draw the channels, their bumps and numbers; None if no channel is drawn."""
        hit = pick(rng, channels, self.per_channel)
        if not hit:
            return None
        bumps = self.bumps.draw_each(rng, len(hit), same=self.one_bump)
        return BumpDraw(hit, bumps, draw_each(rng, self.number, len(hit), same=self.one_bump))

    def apply(self, work: BatchState, hits: Sequence[Applied]) -> None:
        """Change the drawn channels in place."""
        size, device = tuple(work.image.shape[2:]), work.image.device
        for slot, draw in hits:
            for channel, bump, number in zip(draw.channels, draw.bumps, draw.numbers, strict=True):
                self.change(work.image[slot, channel], number, field(bump, size, device))


def read_bumps(stock: Any, size: tuple[int, ...]) -> Bumps | None:
    """Return the distribution of a stock transform's bumps.

    None if one of its parameters is an unknown function, or if a bump may lie too far outside.
    """
    place, widths = read_scalar(stock.loc), widths_of(stock.scale, size)
    if place is None or widths is None:
        return None
    outside = max(-lower_end(place), upper_end(place) - 1)  # as a share of an axis
    if any(outside * n > FARTHEST * lower_end(width) for n, width in zip(size, widths, strict=True)):
        return None
    return Bumps(size, place, widths)


def field(bump: Bump, size: Sequence[int], device: torch.device) -> Tensor:
    """Return the bump's height at each voxel, from 0 to 1: float32 of the shape ``size``; 0 if it is flat.

    It is a product of one factor for each axis, so its ends are products of theirs: nothing is read from the device.
    """
    along = [_along(*numbers) for numbers in zip(size, bump.centres, bump.widths, strict=True)]
    low, high = (_product(getattr(factors, end)() for factors in along) for end in ("min", "max"))
    height = high - low
    total = along[0].to(device, non_blocking=True)
    for factors in along[1:]:
        total = total[..., None] * factors.to(device, non_blocking=True)
    return total.sub_(low).div_(height) if height > 0 else total.zero_()


def _along(length: int, centre: float, width: float) -> Tensor:
    edges = torch.arange(length + 1, dtype=torch.float64) - 0.5
    return torch.special.ndtr((edges - centre) / width).diff().clamp(min=0).float()


def _product(factors: Any) -> float:
    total = np.float32(1)
    for factor in factors:
        total *= np.float32(float(factor))
    return float(total)
