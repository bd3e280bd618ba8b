"""Where the voxels of a turned and scaled patch lie in the source, in the very arithmetic of stock.

The segmentation is compared bit by bit, and a coordinate that is off in its last place can tip a vote. So sizes are
those of the whole initial patch even where only a part of it was read, and every product and sum is rounded as in
stock.

Source:  batchgeneratorsv2 0.3.6 SpatialTransform: float32 grid @ affine.T, divided by half the size, then
unnormalised by torch's grid_sample without aligned corners.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Placement:
    """One sample's patch in its source; all tuples have one number an axis (2 or 3)."""

    source: tuple[int, ...]  # size of the initial patch
    lower: tuple[int, ...]  # corner of what was read of it
    patch: tuple[int, ...]  # size of the result
    affine: tuple[tuple[float, ...], ...]  # position in the source = affine @ position in the patch, from the centres

    @property
    def axes(self) -> int:
        """Number of axes."""
        return len(self.source)

    def matrix(self) -> Tensor:
        """(axes, axes) float32: a position in the patch, as a row, times this: last axis of the source first."""
        return torch.from_numpy(np.array(self.affine).T[:, ::-1].copy()).float()


def line(length: int) -> Tensor:
    """Positions of voxels from the centre of an axis: exact halves."""
    return torch.linspace((1 - length) / 2, (length - 1) / 2, length)


def reaches_outside(place: Placement) -> bool:
    """Whether stock counts the padding label: a rule of the whole sample, wider than need be for uneven sizes.

    Rounding is monotonic, so the largest coordinate of all voxels is that of a corner of the patch, to the bit.
    """
    corners = torch.tensor(list(product(*(((1 - size) / 2, (size - 1) / 2) for size in place.patch))))
    grid = normalised(corners, place)
    bound = min(1 - 1 / size for size in place.source)
    low, high = torch.aminmax(grid)
    return not (-low.item() <= bound and high.item() <= bound)


def normalised(points: Tensor, place: Placement) -> Tensor:
    """Shapes:  points (N, axes) in the patch -> (N, axes) as grid_sample takes them (-1 to 1, last axis first)."""
    return torch.matmul(points, place.matrix()).div_(halves(place))


def halves(place: Placement) -> Tensor:
    """Half the size of the source an axis, last axis first."""
    return torch.tensor([size / 2 for size in reversed(place.source)])


@lru_cache(maxsize=16)
def corners_of_cell(axes: int) -> tuple[tuple[int, ...], ...]:
    """Offsets of the corners around a point in the order in which grid_sample adds them up: last axis fastest."""
    return tuple(product((0, 1), repeat=axes))


@dataclass(frozen=True, slots=True)
class How:
    """What is drawn from the source: "bilinear" or "nearest", and the label outside of it."""

    image_mode: str
    seg_mode: str
    pad: int
