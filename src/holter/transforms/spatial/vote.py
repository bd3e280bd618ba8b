"""The label of a voxel, chosen by a vote of the corners around it.

Stock resamples one indicator image per label and takes the label with the highest score. Only labels at the corners
have a score, so their votes are enough, however many labels there are.

Source:  batchgeneratorsv2 0.3.6 SpatialTransform._apply_to_segmentation: scores in thousandths, summed in float32 in
the order of the corners, then rounded to float16, which turns near ties into ties. In a tie, the nearest corner's label
wins if it is among the tied ones, else the lowest. If a channel has just two labels, only the score of the higher one
counts. Up to 0.3.5, nothing outside the source votes, and the lowest label wins every tie (``Rule.cuts``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

THOUSAND = 1000.0
HALF = 500.0
ABOVE_ALL_LABELS = 65_536
# A rough count in bytes, of which the processor adds 32 or 64 at once. Total: all votes, which with eight roundings
# stay below 256. Lead: more than eight roundings of a half can produce.
ROUGH_TOTAL, ROUGH_LEAD = 250, 5


@dataclass(frozen=True, slots=True)
class Rule:
    """How the votes of one sample are counted: the label outside the source (``pad``), and whether it takes part."""

    pad: int  # label outside the source
    reaches: bool  # the padding label takes part in the vote: its score is 1000 less all others
    cuts: bool = False  # corners with the label ``nobody_of`` have no vote, and ties go to the lowest label


@dataclass(frozen=True, slots=True)
class Pair:
    """For each channel (or voxel): whether there are exactly two labels, and the lowest and highest label."""

    two: Tensor
    low: Tensor
    high: Tensor

    def of(self, channel: Tensor) -> Pair:
        """Return the entries of the channels with the indices ``channel``; with only one channel, return self."""
        if len(self.two) == 1:
            return self
        return Pair(self.two[channel], self.low[channel], self.high[channel])


def vote(labels: Tensor, scores: Tensor, nearest: Tensor, pair: Pair, rule: Rule) -> Tensor:
    """Return the label of each voxel (N) int16.

    Shapes:  labels (corners, N) int8 or int16, scores (corners, N) float32 in thousandths, nearest (N) index of the
             nearest corner, pair (N). N may be several axes.
    """
    names = labels.float()  # exact, and torch's float32 arithmetic is the fastest
    score = _scores(names, scores, rule)
    if rule.cuts:
        score = torch.where(labels == nobody_of(labels), -1.0, score)
    best = score.amax(0)
    lowest = names.add((score != best).float(), alpha=ABOVE_ALL_LABELS).amin(0)
    if rule.cuts:
        return lowest.to(torch.int16)
    own = names.gather(0, nearest[None])[0]
    of_several = torch.where(score.gather(0, nearest[None])[0] == best, own, lowest)
    low, high = pair.low.float(), pair.high.float()
    of_high = _of(high, names, score).amax(0)
    of_two = torch.where(of_high > HALF, high, torch.where(of_high == HALF, own, low))
    return torch.where(pair.two, of_two, of_several).to(torch.int16)


def elect(labels: Tensor, points: Tensor, pair: Pair, rule: Rule) -> Tensor:
    """Return the same as ``vote``, on the CPU: (N), of the type of ``labels``.

    Shapes:  labels (corners, N) int8 or int16, points (axes, N), last axis first, pair (N).

    Votes are first counted in bytes. That is usually enough: the nearest corner's label has more than half, or less
    and only one rival, or some label has a safe lead. Only the rest is counted exactly.
    """
    votes = scores_of(points).mul_(ROUGH_TOTAL / THOUSAND).round_().to(torch.uint8).view(torch.int8)
    low, high = labels.amin(0), labels.amax(0)
    has_two = _is_either(labels, low, high)
    if 2 * int(has_two.count_nonzero()) < len(has_two):  # the shortcut would decide too few
        winner, is_sure = _leader(labels, votes)
    else:
        winner, is_sure = _own_or_rival(labels, votes, nearest_of(points), low, high, has_two)
        left = numbers_of(~is_sure)
        leader, leads = _leader(columns(labels, left), columns(votes, left))
        winner.scatter_(0, left, leader)
        is_sure.scatter_(0, left, leads)
    if rule.cuts:
        is_sure &= low != nobody_of(labels)
    left = numbers_of(~is_sure)
    if len(left):
        where = columns(points, left)
        counted = vote(columns(labels, left), scores_of(where), nearest_of(where), pair.of(left), rule)
        winner.scatter_(0, left, counted.to(winner.dtype))
    return winner


def nobody_of(labels: Tensor) -> int:
    """Return the number that stands for a corner outside the source in tensors of this type; no label has it."""
    return int(torch.iinfo(labels.dtype).min)


def scores_of(points: Tensor) -> Tensor:
    """Return the scores (corners, N) in thousandths. Shapes:  points (axes, N), last axis first."""
    first = points.floor()
    sides = torch.stack((first + 1 - points, points - first))  # (2, axes, N)
    weights = sides[:, 0]
    for axis in range(1, len(points)):
        weights = (weights[None] * sides[:, None, axis]).flatten(0, 1)
    return weights.mul_(THOUSAND) if len(points) > 1 else weights * THOUSAND


def nearest_of(points: Tensor) -> Tensor:
    """Return the index (N) of the nearest corner; halves go to the even voxel. Points as in ``scores_of``."""
    step = torch.round(points) - points.floor()
    return sum((step[axis] * 2**axis for axis in range(1, len(step))), step[0]).long()


def numbers_of(chosen: Tensor) -> Tensor:
    """Return the indices (M) int64 of the true values in ``chosen`` (N); much faster than nonzero()."""
    return torch.from_numpy(np.flatnonzero(chosen.numpy()))


def columns(rows: Tensor, numbers: Tensor) -> Tensor:
    """Return ``rows[:, numbers]`` (R, M); much faster than one ``index_select`` along axis 1."""
    chosen = rows.new_empty((len(rows), len(numbers)))
    for row, into in zip(rows, chosen, strict=True):
        torch.index_select(row, 0, numbers, out=into)
    return chosen


def pair_of_labels(seg: Tensor, rule: Rule) -> Pair:
    """Return for each channel whether it has just two labels, and its lowest and highest label.

    The padding label counts as one of them if it takes part in the vote (``rule.reaches``).
    Shapes:  seg (K, voxels) -> Pair of (K).

    Stock looks at the whole initial patch, this function at the part that was read, which may hold fewer labels. That
    changes a result only if a float32 sum is within its rounding error of the middle between two float16 numbers.
    """
    low, high = torch.aminmax(seg, dim=1)
    if rule.reaches:
        low, high = low.clamp(max=rule.pad), high.clamp(min=rule.pad)
    two = ((seg == low[:, None]) | (seg == high[:, None])).all(1) & (low != high)
    if rule.reaches:
        two &= (low == rule.pad) | (high == rule.pad)
    return Pair(two, low.to(torch.int16), high.to(torch.int16))


def _scores(names: Tensor, scores: Tensor, rule: Rule) -> Tensor:
    # The total score of each corner's label, rounded through float16; (corners, N) float32.
    total, same = torch.zeros_like(scores), torch.empty_like(names)
    for name, score in zip(names, scores, strict=True):
        total.addcmul_(torch.eq(names, name, out=same), score)  # times 0 or 1: exact, fused or not
    if rule.reaches:
        others = _sum(torch.where(names == rule.pad, 0.0, scores))
        total = torch.where(names == rule.pad, THOUSAND - others, total)
    return total.to(torch.float16).to(torch.float32)


def _of(name: Tensor, names: Tensor, scores: Tensor) -> Tensor:
    # Scores where the label is ``name``, else 0. On a CPU much faster than ``torch.where``.
    return torch.eq(names, name, out=torch.empty_like(names)).mul_(scores)


def _own_or_rival(
    labels: Tensor, votes: Tensor, nearest: Tensor, low: Tensor, high: Tensor, has_two: Tensor
) -> tuple[Tensor, Tensor]:
    # Returns (N) the nearest corner's label or its only rival, and whether that is certain. Shapes: as _leader, and
    # four (N). Votes are unsigned bytes, stored as int8.
    own = labels.gather(0, nearest[None])[0]
    for_own = _sum(_mask(labels == own) & votes).view(torch.uint8)
    is_beaten = for_own < ROUGH_TOTAL // 2 - ROUGH_LEAD
    winner = torch.where(is_beaten, low + high - own, own)
    return winner, (for_own > ROUGH_TOTAL // 2 + ROUGH_LEAD) | (is_beaten & has_two)


def _leader(labels: Tensor, votes: Tensor) -> tuple[Tensor, Tensor]:
    # Returns (N) the label with most votes, and whether its lead is safe. Shapes:  labels and votes (corners, N).
    sums, same = torch.zeros_like(votes), torch.empty_like(votes, dtype=torch.bool)
    for label, some in zip(labels, votes, strict=True):
        sums += _mask(torch.eq(labels, label, out=same)).bitwise_and_(some)
    total = sums.view(torch.uint8)
    best = total.amax(0)
    is_best = _mask(total == best)
    bits, ends = is_best.to(labels.dtype), torch.iinfo(labels.dtype)
    highest, lowest = ((labels & bits) | (~bits & ends.min)).amax(0), ((labels & bits) | (~bits & ends.max)).amin(0)
    second = (sums & ~is_best).view(torch.uint8).amax(0)
    return highest, (best - second >= ROUGH_LEAD) & (highest == lowest)


def _mask(truth: Tensor) -> Tensor:
    # All bits set where true.
    return truth.view(torch.int8).neg_()


def _is_either(labels: Tensor, low: Tensor, high: Tensor) -> Tensor:
    # Whether only the lowest and highest label occur; in bytes, of which torch compares 64 at a time.
    either = (labels == low).view(torch.uint8) | (labels == high).view(torch.uint8)
    return either.amin(0).bool()


def _sum(scores: Tensor) -> Tensor:
    # One corner after the other: torch's own sum uses another order, which rounds differently.
    total = scores[0].clone()
    for score in scores[1:]:
        total += score
    return total
