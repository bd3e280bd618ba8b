"""Positions of the voxels of a rotated and scaled patch in the source, with exactly stock's arithmetic.

The segmentation is compared bit by bit, and an error in the last digit of a coordinate can change a vote. So sizes
are those of the whole initial patch even if only a part was read, and every product and sum is rounded as in stock.

Source:  batchgeneratorsv2 0.3.6 SpatialTransform: float32 grid @ affine.T (0.3.2 and 0.3.3: grid @ affine), divided by
half the size, then unnormalised by torch's grid_sample without aligned corners.
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
    """One sample's patch in its source; all tuples have one number per axis (2 or 3)."""

    source: tuple[int, ...]  # size of the initial patch
    lower: tuple[int, ...]  # lower corner of the part that was read
    patch: tuple[int, ...]  # size of the result
    affine: tuple[tuple[float, ...], ...]  # position in the source = affine @ position in the patch, from the centres

    @property
    def axes(self) -> int:
        """Return the number of axes."""
        return len(self.source)

    def matrix(self) -> Tensor:
        """Return (axes, axes) float32: patch position (row) @ matrix = source position, last axis first."""
        return torch.from_numpy(np.array(self.affine).T[:, ::-1].copy()).float()


def line(length: int) -> Tensor:
    """Return the positions of voxels relative to the centre of an axis: exact halves."""
    return torch.linspace((1 - length) / 2, (length - 1) / 2, length)


def reaches_outside(place: Placement) -> bool:
    """Whether the padding label takes part in the vote; stock decides this once for the whole sample, not per voxel.

    Rounding is monotonic, so the largest coordinate of all voxels is exactly that of a corner of the patch.
    """
    corners = torch.tensor(list(product(*(((1 - size) / 2, (size - 1) / 2) for size in place.patch))))
    grid = normalised(corners, place)
    bound = min(1 - 1 / size for size in place.source)
    low, high = torch.aminmax(grid)
    return not (-low.item() <= bound and high.item() <= bound)


def normalised(points: Tensor, place: Placement) -> Tensor:
    """Return (N, axes) for grid_sample (-1 to 1, last axis first). Shapes:  points (N, axes) in the patch."""
    return torch.matmul(points, place.matrix()).div_(halves(place))


def halves(place: Placement) -> Tensor:
    """Return half the size of ``place.source`` along each axis, last axis first."""
    return torch.tensor([size / 2 for size in reversed(place.source)])


def beyond_centres(grid: Tensor, source: tuple[int, ...]) -> Tensor:
    """Return which points stock up to 0.3.5 takes for outside: (N), true beyond the centres of the outermost voxels.

    Shapes:  grid (N, axes) as ``normalised``; N may be several axes. Stock compares the last axis with the size of the
    first one, and the other way round, so this does, too.
    """
    size = grid.new_tensor(source)
    return ((grid < -1 + 1 / size) | (grid > 1 - 1 / size)).any(dim=-1)


@lru_cache(maxsize=16)
def corners_of_cell(axes: int) -> tuple[tuple[int, ...], ...]:
    """Return the offsets of the corners around a point in grid_sample's order of summation: last axis fastest."""
    return tuple(product((0, 1), repeat=axes))


@dataclass(frozen=True, slots=True)
class How:
    """How to sample: modes "bilinear" or "nearest", and the label outside the source."""

    image_mode: str
    seg_mode: str
    pad: int
    cuts: bool = False  # as stock up to 0.3.5: see Rule, and ``beyond_centres``
