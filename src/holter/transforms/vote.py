"""Which label a voxel gets from the corners around it.

Stock resamples an indicator image a label and takes the label with the highest score. Only labels at the corners can
score, so their votes are all that is needed, however many labels there are.

Source:  batchgeneratorsv2 0.3.6 SpatialTransform._apply_to_segmentation: scores in thousandths, added up in float32 in
the order of the corners, then rounded to float16, which makes ties of near ties. A tie goes to the nearest corner's
label if it is among the tied, else to the lowest. Where a channel has just two labels, only the score of the higher one
counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

THOUSAND = 1000.0
HALF = 500.0
ABOVE_ALL_LABELS = 32_767


@dataclass(frozen=True, slots=True)
class Rule:
    """How the votes of one sample are counted."""

    pad: int  # label outside of the source
    reaches: bool  # the padding label stands for election: its score is 1000 less all others


@dataclass(frozen=True, slots=True)
class Pair:
    """For each channel (or voxel): whether there are exactly two labels, and the lowest and highest there are."""

    two: Tensor
    low: Tensor
    high: Tensor

    def of(self, channel: Tensor) -> Pair:
        """Those of the given channels."""
        return Pair(self.two[channel], self.low[channel], self.high[channel])


def vote(labels: Tensor, scores: Tensor, nearest: Tensor, pair: Pair, rule: Rule) -> Tensor:
    """Shapes:  labels (corners, N) int16, scores (corners, N) float32 in thousandths, nearest (N) index of the nearest
    corner, pair (N) -> (N) int16. N may stand for several axes.
    """
    score = _scores(labels, scores, rule)
    best = score.amax(0)
    lowest = torch.where(score == best, labels, ABOVE_ALL_LABELS).amin(0)
    own = labels.gather(0, nearest[None])[0]
    of_several = torch.where(score.gather(0, nearest[None])[0] == best, own, lowest)
    of_high = torch.where(labels == pair.high, score, 0.0).amax(0)
    of_two = torch.where(of_high > HALF, pair.high, torch.where(of_high == HALF, own, pair.low))
    return torch.where(pair.two, of_two, of_several)


def elect(labels: Tensor, scores: Tensor, nearest: Tensor, pair: Pair, rule: Rule) -> Tensor:
    """The same as ``vote``, on the CPU: nearly all cells have two labels, and need two sums instead of eight."""
    low, high = labels.amin(0), labels.amax(0)
    is_low, is_high = labels == low, labels == high
    for_low, for_high = (_sum(torch.where(mine, scores, 0.0)) for mine in (is_low, is_high))
    if rule.reaches:
        by_low, by_high = THOUSAND - for_high, THOUSAND - for_low
        for_low = torch.where(low == rule.pad, by_low, for_low)
        for_high = torch.where(high == rule.pad, by_high, for_high)
    for_low, for_high = _rounded(for_low), _rounded(for_high)
    threshold = torch.where(pair.two, HALF, for_low)
    own = labels.gather(0, nearest[None])[0]
    winner = torch.where(for_high > threshold, high, torch.where(for_high == threshold, own, low))
    several = (~(is_low | is_high).all(0)).nonzero()[:, 0]
    if len(several):
        corners, weights, nearer = (one.index_select(-1, several) for one in (labels, scores, nearest))
        winner[several] = vote(corners, weights, nearer, pair.of(several), rule)
    return winner


def pair_of_labels(seg: Tensor, rule: Rule) -> Pair:
    """Shapes:  seg (K, voxels) -> (K); the padding is a label, too, where it stands for election.

    Stock looks at the whole initial patch, this at the part that was read. The two ways of counting differ only where a
    float32 sum lies within its rounding error of the middle of two float16 numbers.
    """
    low, high = torch.aminmax(seg, dim=1)
    if rule.reaches:
        low, high = low.clamp(max=rule.pad), high.clamp(min=rule.pad)
    two = ((seg == low[:, None]) | (seg == high[:, None])).all(1) & (low != high)
    if rule.reaches:
        two &= (low == rule.pad) | (high == rule.pad)
    return Pair(two, low.to(torch.int16), high.to(torch.int16))


def _scores(labels: Tensor, scores: Tensor, rule: Rule) -> Tensor:
    """What each corner's label scores in all, rounded through float16; (corners, N) float32."""
    total = torch.zeros_like(scores)
    for label, score in zip(labels, scores, strict=True):
        total += torch.where(labels == label, score, 0.0)
    if rule.reaches:
        others = _sum(torch.where(labels == rule.pad, 0.0, scores))
        total = torch.where(labels == rule.pad, THOUSAND - others, total)
    return _rounded(total)


def _sum(scores: Tensor) -> Tensor:
    """One corner after the other: torch's own sum takes them in another order, which rounds differently."""
    total = scores[0].clone()
    for score in scores[1:]:
        total += score
    return total


def _rounded(scores: Tensor) -> Tensor:
    return scores.to(torch.float16).to(torch.float32)
