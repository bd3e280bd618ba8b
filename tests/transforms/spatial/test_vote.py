"""The ways of counting votes agree with each other, and with the plain count over all labels."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from holter.transforms.spatial.cells import pair_on_cpu
from holter.transforms.spatial.vote import Pair, Rule, elect, nearest_of, pair_of_labels, scores_of, vote

PAD = -1


def drawn(seed: int, axes: int, labels: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Cells with any labels at their corners, and points in them; every second one in the middle of an edge."""
    rng = np.random.default_rng(seed)
    points = rng.random((axes, 64)) * 20
    points[:, ::2] = np.round(points[:, ::2] * 2) / 2
    around = rng.integers(PAD, labels, (2**axes, 64))
    return torch.from_numpy(around).to(torch.int16), torch.from_numpy(points).float()


def pair_of(labels: torch.Tensor, two: bool) -> Pair:
    ends = labels.amin(0), labels.amax(0)
    return Pair(torch.full(ends[0].shape, two), *ends)


@given(st.integers(0, 2**32 - 1), st.integers(2, 3), st.integers(1, 9), st.booleans())
def test_a_rough_count_first_elects_whom_the_exact_count_elects(
    seed: int, axes: int, labels: int, reaches: bool
) -> None:
    around, points = drawn(seed, axes, labels)
    for two in (False, True) if labels == 1 else (False,):
        pair, rule = pair_of(around, two), Rule(PAD, reaches)
        counted = vote(around, scores_of(points), nearest_of(points), pair, rule)
        assert torch.equal(elect(around, points, pair, rule), counted)
        assert torch.equal(elect(around.to(torch.int8), points, pair, rule).to(torch.int16), counted)


@given(st.integers(0, 2**32 - 1), st.integers(2, 3), st.integers(1, 9))
def test_corners_elect_whom_an_argmax_over_all_labels_elects(seed: int, axes: int, labels: int) -> None:
    around, points = drawn(seed, axes, labels)
    scores, nearest = scores_of(points), nearest_of(points)
    names = torch.arange(PAD, labels)
    totals = torch.zeros((len(names), around.shape[1]))
    for corner, weight in zip(around, scores, strict=True):
        totals += torch.where(names[:, None] == corner, weight, 0.0)
    totals = totals.half().float()
    own = around.gather(0, nearest[None])[0]
    own_total = totals.gather(0, own.long()[None] - PAD)[0]
    winner = torch.where(own_total == totals.amax(0), own, names[totals.argmax(0)].to(torch.int16))
    assert torch.equal(vote(around, scores, nearest, pair_of(around, two=False), Rule(PAD, False)), winner)


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.booleans())
def test_two_labels_are_found_on_the_cpu_as_on_a_device(seed: int, labels: int, reaches: bool) -> None:
    rng = np.random.default_rng(seed)
    seg = torch.from_numpy(rng.integers(rng.integers(PAD, 2), labels + 1, (3, 50))).to(torch.int8)
    ours, theirs = (find(seg, Rule(PAD, reaches)) for find in (pair_on_cpu, pair_of_labels))
    for made, other in zip((ours.two, ours.low, ours.high), (theirs.two, theirs.low, theirs.high), strict=True):
        assert torch.equal(made, other)


def test_the_weights_of_a_cell_add_up_to_a_thousand() -> None:
    for axes in (2, 3):
        scores = scores_of(drawn(1, axes, 2)[1])
        torch.testing.assert_close(scores.sum(0), torch.full((64,), 1000.0))
