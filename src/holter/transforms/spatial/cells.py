"""The segmentation as a table of cells. A cell lies between eight voxels (four in 2D), its corners.

If all corners have the same label, the table has this label, and one look-up is enough: nearly all cells are so. In the
other cells the corners vote (``vote.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import pad

from holter.transforms.spatial.placement import Placement, corners_of_cell
from holter.transforms.spatial.vote import Pair, Rule, elect, nobody_of, numbers_of

MARGIN = 2  # voxels of padding around the table: in a cell two before the first voxel, all corners are padding
EXACT_IN_FLOAT32 = 2**24
CACHED_VOXELS = 262_144  # of one or two bytes each; they fit in the second-level cache with some intermediates


@dataclass(frozen=True, slots=True)
class Cells:
    """The labels of one sample's segmentation by cells, in which the label at any point is looked up.

    Shapes:  K channels, N points; coordinates are ordered from the last axis to the first, as in grid_sample.
    """

    labels: Tensor  # (K, voxels) of the padded part
    decided: Tensor  # (K, voxels): the label of the cell that starts at this voxel, or ``undecided``
    undecided: int
    offsets: tuple[int, ...]  # one per corner: from the first corner of a cell to this one
    strides: tuple[int, ...]
    place: Placement
    size: tuple[int, ...]  # of the part, without padding
    pair: Pair  # (K)
    rule: Rule

    @classmethod
    def of(cls, seg: Tensor, place: Placement, rule: Rule) -> Cells:
        """Return the table of cells of one sample's segmentation.

        ``place``: where the patch lies in the source. ``rule``: how the corners of a cell vote.
        Shapes:  seg (K, *read) int8 or int16: K channels of the part of the initial patch that was read. This part
                 begins at ``place.lower``.
        """
        axes = seg.ndim - 1
        padded = pad(seg, (MARGIN, MARGIN) * axes, value=nobody_of(seg) if rule.cuts else rule.pad)
        strides = tuple(padded[0].stride())
        labels = padded.flatten(1)
        undecided = torch.iinfo(seg.dtype).min
        offsets = tuple(sum(a * b for a, b in zip(corner, strides, strict=True)) for corner in corners_of_cell(axes))
        return cls(
            labels, decide(labels, strides, undecided), undecided, offsets, strides, place,
            tuple(seg.shape[1:]), pair_on_cpu(seg.flatten(1), rule), rule,
        )  # fmt: skip

    def at(self, grid: Tensor) -> Tensor:
        """Return the label of each channel at N points: (K, N), of the segmentation's type.

        Shapes:  grid (N, axes) as grid_sample takes it.
        """
        points = grid.add(1).mul_(self._repeated(self.place.source, 0, len(grid))).sub_(1).div_(2)
        index = self._index(points.floor())
        labels = torch.stack([channel.index_select(0, index) for channel in self.decided])
        open_ = numbers_of(labels.view(-1) == self.undecided)
        if len(open_):
            labels.view(-1).scatter_(0, open_, self._elected(open_, index, points))
        return labels

    def _elected(self, open_: Tensor, index: Tensor, points: Tensor) -> Tensor:
        # ``open_``: flat numbers of undecided points over all channels, one channel after the other.
        channel, point = torch.zeros(1, dtype=torch.int64), open_
        if len(self.labels) > 1:
            channel, point = open_ // len(index), open_ % len(index)
        first = index.index_select(0, point).add_(channel * self.labels.shape[1])
        labels = self.labels.new_empty((len(self.offsets), len(open_)))
        for offset, corner in zip(self.offsets, labels, strict=True):
            torch.index_select(self.labels.view(-1)[offset:], 0, first, out=corner)
        where = points.index_select(0, point).t().contiguous()
        return elect(labels, where, self.pair.of(channel), self.rule)

    def _index(self, first: Tensor) -> Tensor:
        # Indices of the cells in the table; positions far outside count as just outside.
        lower = self._repeated(self.place.lower, -MARGIN, len(first))
        ends = tuple(low + size for low, size in zip(self.place.lower, self.size, strict=True))
        inside = first.clamp(lower, self._repeated(ends, 0, len(first))) if self._leaves else first
        largest = sum((end + MARGIN) * stride for end, stride in zip(ends, self.strides, strict=True))
        exact = torch.float32 if largest < EXACT_IN_FLOAT32 else torch.float64
        index = torch.mv(inside.to(exact), torch.tensor(self.strides[::-1], dtype=exact)).long()
        corner = sum((low - MARGIN) * stride for low, stride in zip(self.place.lower, self.strides, strict=True))
        return index.sub_(corner)

    @property
    def _leaves(self) -> bool:
        # Whether points may lie outside the part.
        return self.rule.reaches or self.rule.cuts

    @staticmethod
    def _repeated(numbers: tuple[int, ...], more: int, times: int) -> Tensor:
        return repeated(tuple(float(number + more) for number in reversed(numbers)), times)


def decide(labels: Tensor, strides: Sequence[int], undecided: int) -> Tensor:
    """Return the label of each cell, or ``undecided`` if the voxels at its corners have different labels.

    A cell is the cube between neighbouring voxels; it has the index of its first corner.

    Shapes:  labels (K, voxels): K flattened volumes -> a new tensor like labels.
    ``strides``: the distance in the flat volume to the next voxel along each axis. At the end of a row the next voxel
    is one of the next row: what is returned for such cells has no meaning, and nothing reads it.
    """
    decided = torch.full_like(labels, undecided)
    ahead = sum(strides)
    for start in range(0, labels.shape[1] - ahead, CACHED_VOXELS):
        count = min(CACHED_VOXELS, labels.shape[1] - ahead - start)
        part = labels[:, start : start + count + ahead]
        bits = part[:, 1:] ^ part[:, :-1]
        for stride in strides[-2::-1]:
            size = bits.shape[1] - stride
            bits = bits[:, :size] | bits[:, stride:] | (part[:, :size] ^ part[:, stride : stride + size])
        mask = (bits != 0).to(labels.dtype).neg_()  # 0, or all bits
        decided[:, start : start + count] = (part[:, :count] & ~mask) | (mask & undecided)
    return decided


def pair_on_cpu(seg: Tensor, rule: Rule) -> Pair:
    """Return the same as ``pair_of_labels``; in a channel with more than two labels, the search ends at the third."""
    two, ends = [], []
    for channel in seg:
        low, high = (int(end) for end in torch.aminmax(channel))
        if rule.reaches:
            low, high = min(low, rule.pad), max(high, rule.pad)
        parts = channel.split(CACHED_VOXELS)
        pads = not rule.reaches or rule.pad in (low, high)
        two.append(pads and low < high and all(_has_only(part, low, high) for part in parts))
        ends.append((low, high))
    low_, high_ = torch.tensor(ends, dtype=torch.int16).unbind(1)
    return Pair(torch.tensor(two), low_, high_)


def _has_only(part: Tensor, low: int, high: int) -> bool:
    return bool(((part == low).view(torch.uint8) | (part == high).view(torch.uint8)).amin())


@lru_cache(maxsize=32)
def repeated(numbers: tuple[float, ...], times: int) -> Tensor:
    """Return a full tensor (times, len(numbers)) that repeats the numbers: much faster than broadcasting. Read only."""
    return torch.tensor(numbers).repeat(times, 1)
