"""Resample one sample on any device, using only gathers and arithmetic: no synchronisation, no boolean index.

The result equals the CPU's if the device has float64 (used to imitate a fused multiply-add). Otherwise the last digit
of coordinates may differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
import torch
from torch import Tensor

from holter.transforms.spatial.placement import (
    How,
    Placement,
    beyond_centres,
    corners_of_cell,
    line,
    reaches_outside,
)
from holter.transforms.spatial.vote import Pair, Rule, nearest_of, pair_of_labels, scores_of, vote

NO_FLOAT64 = ("mps",)
# Corners, weights, indices and votes take some hundred bytes per voxel: a gigabyte for 128 x 128 x 128 voxels.
SLAB_VOXELS = 262_144
BYTES_A_VOXEL, BYTES_A_SEG_CHANNEL = 440, 140  # measured on a CPU: 150 MB in all


def resample(image: Tensor, seg: Tensor, place: Placement, how: How, into: tuple[Tensor, Tensor]) -> None:
    """Write the resampled image and segmentation of one sample into the two tensors of ``into``.

    ``place``: where the patch lies in the source. ``how``: interpolation, and the label outside the source.
    Shapes:  image (C, *read) float32 and seg (S, *read) int8 or int16: the part of the source that was read, which
             begins at ``place.lower``; into: image (C, *patch) and seg (S, *patch).
    """
    rule = Rule(how.pad, not how.cuts and reaches_outside(place), how.cuts)
    pair = pair_of_labels(seg.flatten(1), rule)
    step = max(1, SLAB_VOXELS // prod(place.patch[1:]))
    for start in range(0, place.patch[0], step):
        rows = slice(start, start + step)
        grid = normalised(place, image.device, rows)
        points = coordinates(grid, place)
        first = points.floor()
        scores, nearest = scores_of(points), nearest_of(points)
        corners = [_Corner(first, corner, place, tuple(image.shape[1:])) for corner in corners_of_cell(place.axes)]
        here = into[0][:, rows], into[1][:, rows]
        here[0].copy_(_image(image.flatten(1), corners, scores / 1000, nearest, how).view(here[0].shape))
        labels = _labels(seg.flatten(1), corners, scores, nearest, how, (pair, rule))
        if how.cuts:
            labels = labels.masked_fill(beyond_centres(grid.T, place.source), how.pad)
        here[1].copy_(labels.view(here[1].shape))


def coordinates(grid: Tensor, place: Placement) -> Tensor:
    """Return the same points in voxels of the source. Shapes:  (axes, N) float32, last axis first."""
    rows = zip(grid, place.source[::-1], strict=True)
    return torch.stack([((row + 1) * float(size) - 1) / 2 for row, size in rows])


def normalised(place: Placement, device: torch.device, rows: slice) -> Tensor:
    """Return where the voxels of some rows (first axis) of the patch lie in the source, from -1 to 1.

    Shapes:  (axes, N) float32, last axis first.
    """
    exact = torch.float32 if device.type in NO_FLOAT64 else torch.float64
    lines = [line(size).to(device) for size in place.patch]
    lines[0] = lines[0][rows]
    grid = torch.meshgrid(*lines, indexing="ij")
    columns = []
    for size, row in zip(place.source[::-1], place.affine[::-1], strict=True):
        factors = np.array(row, dtype=np.float32).tolist()
        total = grid[0] * factors[0]
        for coordinate, factor in zip(grid[1:], factors[1:], strict=True):
            total = torch.add(total.to(exact), coordinate.to(exact), alpha=factor).float()
        # a tensor, not a number: for a number CUDA multiplies by the reciprocal, which rounds differently
        half = torch.full((1,), size / 2, device=device)
        columns.append(total / half)
    return torch.stack([column.flatten() for column in columns])


class _Corner:
    """One corner of all cells: its index in the part that was read, and whether it is inside the source."""

    def __init__(self, first: Tensor, corner: Sequence[int], place: Placement, read: tuple[int, ...]) -> None:
        self.index = torch.zeros_like(first[0], dtype=torch.int64)
        self.inside = torch.ones_like(self.index, dtype=torch.bool)
        for axis, side in enumerate(corner):
            position = first[place.axes - 1 - axis].long() + (side - place.lower[axis])
            self.inside &= (position >= 0) & (position < read[axis])
            self.index = self.index * read[axis] + position.clamp(0, read[axis] - 1)


def _image(image: Tensor, corners: Sequence[_Corner], weights: Tensor, nearest: Tensor, how: How) -> Tensor:
    result = torch.zeros((len(image), weights.shape[1]), device=image.device)
    for number, (corner, weight) in enumerate(zip(corners, weights, strict=True)):
        share = torch.where(nearest == number, 1.0, 0.0) if how.image_mode == "nearest" else weight
        result += torch.where(corner.inside, image.index_select(1, corner.index), 0.0) * share
    return result


def _labels(
    seg: Tensor, corners: Sequence[_Corner], scores: Tensor, nearest: Tensor, how: How, counting: tuple[Pair, Rule]
) -> Tensor:
    outside = torch.iinfo(torch.int16).min if how.cuts else how.pad
    around = torch.stack(
        [torch.where(corner.inside, seg.index_select(1, corner.index).to(torch.int16), outside) for corner in corners]
    )
    if how.seg_mode == "nearest":
        return around.gather(0, nearest.expand(1, *around.shape[1:]))[0]
    pair, rule = counting
    each = Pair(pair.two[:, None], pair.low[:, None], pair.high[:, None])
    return vote(around, scores[:, None].expand(around.shape), nearest.expand(around.shape[1:]), each, rule)
