"""Resample one sample on the CPU.

The image is sampled by torch's own grid_sample with the grid of stock nnU-Net, so the result equals stock's bit by bit.
The segmentation is looked up in a table with one label per cell (``spatial/cells.py``). Both are computed in slabs of
the patch: many small slabs would cost time in function calls, one large slab would not fit in the processor's cache.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from holter.transforms.spatial.cells import Cells, repeated
from holter.transforms.spatial.placement import How, Placement, beyond_centres, halves, line, reaches_outside
from holter.transforms.spatial.vote import Rule

SLAB_VOXELS = 262_144


def resample(image: Tensor, seg: Tensor, place: Placement, how: How, into: tuple[Tensor, Tensor]) -> None:
    """Write the resampled image and segmentation of one sample into the two tensors of ``into``.

    ``place``: where the patch lies in the source. ``how``: interpolation, and the label outside the source.
    Shapes:  image (C, *read) float32 and seg (S, *read) int8 or int16: the part of the source that was read, which
             begins at ``place.lower``; into: image (C, *patch) and seg (S, *patch).
    """
    sample, label = _sampler(image, place, how.image_mode), _labeller(seg, place, how)
    for rows, grid in _slabs(place):
        into[0][:, rows] = sample(grid)
        labels = label(grid)
        if how.cuts:
            labels.masked_fill_(beyond_centres(grid, place.source), how.pad)
        into[1][:, rows] = labels


def as_if_whole(image: Tensor, place: Placement) -> Tensor:
    """Return the part of the image that was read as a view (C, *source) with the shape of the whole source image.

    Only voxels of the part itself may be read from it.

    grid_sample rounds coordinates by the size of its input, so it would sample a part at slightly other positions.
    The view has the strides of the part and begins before it; its rows overlap, and values outside the part are
    arbitrary.
    """
    read = tuple(image.shape[1:])
    if read == place.source:
        return image
    strides = [prod(read[axis + 1 :]) for axis in range(place.axes)]
    before = sum(low * stride for low, stride in zip(place.lower, strides, strict=True))
    reach = sum((size - 1) * stride for size, stride in zip(place.source, strides, strict=True)) + 1
    voxels = prod(read)
    memory = image.new_empty(max(before + image.numel(), (len(image) - 1) * voxels + reach))
    memory[before : before + image.numel()].view(image.shape).copy_(image)
    return memory.as_strided((len(image), *place.source), (voxels, *strides))


def _sampler(image: Tensor, place: Placement, mode: str) -> Callable[[Tensor], Tensor]:
    source = as_if_whole(image, place)[None]

    def sample(grid: Tensor) -> Tensor:
        return grid_sample(source, grid[None], mode=mode, padding_mode="zeros", align_corners=False)[0]

    return sample


def _labeller(seg: Tensor, place: Placement, how: How) -> Callable[[Tensor], Tensor]:
    if how.seg_mode == "nearest":
        # grid_sample pads with 0, so shift the labels until the padding label is 0.
        shifted = _sampler(seg.float().sub_(how.pad), place, "nearest")
        return lambda grid: shifted(grid).add_(how.pad)
    cells = Cells.of(seg, place, Rule(how.pad, not how.cuts and reaches_outside(place), how.cuts))
    return lambda grid: cells.at(grid.flatten(0, -2)).view(len(seg), *grid.shape[:-1])


def _slabs(place: Placement) -> Iterator[tuple[slice, Tensor]]:
    # Stock's grid in pieces: a slice of the first axis, and its grid (rows, *rest, axes).
    first, *rest = place.patch
    rows = min(first, max(1, SLAB_VOXELS // prod(rest)))
    points = torch.stack(torch.meshgrid(*(line(size) for size in (rows, *rest)), indexing="ij"), -1)
    half = repeated(tuple(halves(place).tolist()), points[..., 0].numel()).view(points.shape)
    matrix, column = place.matrix(), line(first).view(-1, *(1,) * len(rest))
    for start in range(0, first, rows):
        stop = min(first, start + rows)
        points[: stop - start, ..., 0] = column[start:stop]
        yield slice(start, stop), torch.matmul(points[: stop - start], matrix).div_(half[: stop - start])
