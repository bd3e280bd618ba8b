"""The boxes of a sample: the patch for training, the larger box that stock reads for it, the part that is needed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import floor

# A drawn transform is evaluated in float32 and its box in float64; they differ by less than this many voxels.
ROUNDING_VOXELS = 1e-3


@dataclass(frozen=True, slots=True)
class Geometry:
    """Sizes of one configuration, in voxels, one number per axis (2 or 3 axes)."""

    patch_size: tuple[int, ...]
    initial_patch_size: tuple[int, ...]  # read by stock's loader before SpatialTransform; the patch for validation
    is_dummy_2d: bool = False  # for the loader; the chain itself reads the stock transforms


@dataclass(frozen=True, slots=True)
class Box:
    """A half-open box of voxels, relative to the lower corner of the initial patch; always inside it."""

    lower: tuple[int, ...]
    upper: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the voxels along each axis."""
        return tuple(high - low for low, high in zip(self.lower, self.upper, strict=True))


@dataclass(frozen=True, slots=True)
class Fill:
    """Values for the part of a box outside the image: those of stock's loader."""

    image: float = 0.0
    seg: int = -1


def whole(size: tuple[int, ...]) -> Box:
    """Return the box that covers a whole image of ``size``."""
    return Box((0,) * len(size), tuple(size))


@lru_cache(maxsize=64)  # two of three samples are plain crops, and in 2D there are hundreds in a batch
def central_crop(size: tuple[int, ...], patch: tuple[int, ...]) -> Box:
    """Return the box in an image of ``size`` that is cut out for a patch without rotation and scaling: its centre.

    Source:  batchgeneratorsv2 0.3.6 crop_tensor around floor(size / 2): if size - patch is odd, half a voxel off the
    centre of a rotated patch.
    """
    starts = [max(0, have // 2 - want // 2) for have, want in zip(size, patch, strict=True)]
    ends = [min(have, start + want) for have, start, want in zip(size, starts, patch, strict=True)]
    return Box(tuple(starts), tuple(ends))


def padding_before(size: tuple[int, ...], patch: tuple[int, ...]) -> tuple[int, ...]:
    """Return, for each axis, how many voxels of fill come before the image in a patch that is larger than it."""
    return tuple(max(0, want // 2 - have // 2) for have, want in zip(size, patch, strict=True))


@lru_cache(maxsize=1024)  # needed to plan a sample, to check it, and to move it
def reached(size: tuple[int, ...], patch: tuple[int, ...], affine: tuple[tuple[float, ...], ...]) -> Box:
    """Return the voxels of ``size`` that linear interpolation reads for a patch rotated and scaled around its centre.

    Shapes:  affine is (axes, axes): position in the source = affine @ position in the patch, both from the centre.
    """
    lower, upper = [], []
    for have, row in zip(size, affine, strict=True):
        centre = (have - 1) / 2
        extent = sum(abs(factor) * (want - 1) / 2 for factor, want in zip(row, patch, strict=True))
        first = floor(centre - extent - ROUNDING_VOXELS)
        last = floor(centre + extent + ROUNDING_VOXELS) + 1
        lower.append(max(0, first))
        upper.append(min(have, last + 1))
    return Box(tuple(lower), tuple(upper))
