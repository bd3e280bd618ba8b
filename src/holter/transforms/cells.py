"""The segmentation as a table of cells: what label lies between eight corners (four in 2D), if they agree.

Nearly all cells of a segmentation have one label, so one look answers them; only the others vote.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import pad

from holter.transforms.placement import Placement, corners_of_cell
from holter.transforms.vote import THOUSAND, Pair, Rule, pair_of_labels, vote

MARGIN = 2  # voxels of padding around the table: a cell two before the first voxel is padding on all corners
EXACT_IN_FLOAT32 = 2**24


@dataclass(frozen=True, slots=True)
class Cells:
    """Shapes:  K channels, N points; a point's numbers go from the last axis to the first, as grid_sample has them."""

    labels: Tensor  # (K, voxels) of the padded part
    decided: Tensor  # (K, voxels): the label of the cell that begins at this voxel, or ``undecided``
    undecided: int
    offsets: Tensor  # (corners): from the first corner of a cell to the others
    strides: tuple[int, ...]
    place: Placement
    size: tuple[int, ...]  # of the part, without padding
    pair: Pair  # (K)
    rule: Rule

    @classmethod
    def of(cls, seg: Tensor, place: Placement, rule: Rule) -> Cells:
        """Shapes:  seg (K, *read) int8 or int16."""
        axes = seg.ndim - 1
        padded = pad(seg, (MARGIN, MARGIN) * axes, value=rule.pad)
        strides = padded[0].stride()
        labels = padded.flatten(1)
        agree = torch.ones_like(labels, dtype=torch.bool)
        for stride in strides:
            agree[:, :-stride] &= agree[:, stride:] & (labels[:, :-stride] == labels[:, stride:])
        undecided = torch.iinfo(seg.dtype).min
        offsets = [sum(a * b for a, b in zip(corner, strides, strict=True)) for corner in corners_of_cell(axes)]
        return cls(
            labels, torch.where(agree, labels, undecided), undecided, torch.tensor(offsets), tuple(strides), place,
            tuple(seg.shape[1:]), pair_of_labels(seg.flatten(1), rule), rule,
        )  # fmt: skip

    def at(self, grid: Tensor) -> Tensor:
        """Shapes:  grid (N, axes) as grid_sample takes it -> (K, N), of the type of the segmentation."""
        points = grid.add(1).mul_(self._repeated(self.place.source, 0, len(grid))).sub_(1).div_(2)
        first = points.floor()
        index = self._index(first)
        found = self.decided.index_select(1, index)
        channel, point = (found == self.undecided).nonzero(as_tuple=True)
        if len(point):
            corners = index[point] + channel * self.labels.shape[1] + self.offsets[:, None]
            labels = self.labels.view(-1)[corners].to(torch.int16)
            scores, nearest = weigh(points[point], first[point])
            winner = vote(labels, scores, nearest, self.pair.of(channel), self.rule)
            found[channel, point] = winner.to(found.dtype)
        return found

    def _index(self, first: Tensor) -> Tensor:
        """Where the cells stand in the table; what is far outside is taken to be just outside."""
        lower = self._repeated(self.place.lower, -MARGIN, len(first))
        ends = tuple(low + size for low, size in zip(self.place.lower, self.size, strict=True))
        inside = first.clamp(lower, self._repeated(ends, 0, len(first)))
        largest = sum((end + MARGIN) * stride for end, stride in zip(ends, self.strides, strict=True))
        exact = torch.float32 if largest < EXACT_IN_FLOAT32 else torch.float64
        index = torch.mv(inside.to(exact), torch.tensor(self.strides[::-1], dtype=exact)).long()
        corner = sum((low - MARGIN) * stride for low, stride in zip(self.place.lower, self.strides, strict=True))
        return index.sub_(corner)

    @staticmethod
    def _repeated(numbers: tuple[int, ...], more: int, times: int) -> Tensor:
        return repeated(tuple(float(number + more) for number in reversed(numbers)), times)


def weigh(points: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
    """Shapes:  points and their cells' first corners (N, axes), last axis first -> scores (corners, N) in thousandths,
    and the index (N) of the nearest corner; halves go to the even voxel.
    """
    ahead, behind = points - first, first + 1 - points
    step = (torch.round(points) - first).long()
    nearest = sum((step[:, axis] << axis for axis in range(1, step.shape[1])), step[:, 0])
    scores = []
    for corner in corners_of_cell(points.shape[1]):
        weight = torch.ones_like(points[:, 0])
        for axis, side in enumerate(reversed(corner)):
            weight = weight * (ahead if side else behind)[:, axis]
        scores.append(weight * THOUSAND)
    return torch.stack(scores), nearest


@lru_cache(maxsize=32)
def repeated(numbers: tuple[float, ...], times: int) -> Tensor:
    """(times, numbers), written out: an operand of the same shape is much quicker than one to broadcast. Read only."""
    return torch.tensor(numbers).repeat(times, 1)
