"""Turns by 90 degrees and transpositions against stock, fed the same draw."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from batchgeneratorsv2.transforms.spatial.rot90 import Rot90Transform
from batchgeneratorsv2.transforms.spatial.transpose import TransposeAxesTransform

from holter.trainer.auto.replay import feed
from holter.transforms.batch_state import Applied, BatchState
from holter.transforms.spatial import rot90, transpose
from transforms.material import noisy_image, speckled

SIZES = [(7, 7, 7), (5, 6, 6), (6, 5, 6), (6, 6, 5), (8, 8)]


def alike(size: tuple[int, ...]) -> set[int]:
    return {axis for axis, length in enumerate(size) if size.count(length) > 1}


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("what", ["turn", "two turns", "transpose"])
def test_another_order_of_the_axes_equals_stock(what: str, size: tuple[int, ...]) -> None:
    stock: Any = TransposeAxesTransform(alike(size))
    if what != "transpose":
        stock = Rot90Transform(1 + (what == "two turns"), (0, 1, 2, 3), alike(size))
    step: Any = (transpose if what == "transpose" else rot90).read(stock, size)
    rng = np.random.default_rng(1)
    seen = set()
    for seed in range(30):
        image, seg = noisy_image(size, 2, seed), speckled(size, 9, seed)[None]
        work = BatchState(torch.stack([image, image]), torch.stack([seg, seg]))
        draw = step.draw(rng, 2)
        seen.add(draw)
        if draw is not None:
            step.apply(work, [Applied(1, draw)])
        theirs = feed(stock, draw, {"image": image.clone(), "segmentation": seg.clone()})
        assert torch.equal(work.image[1], theirs["image"])
        assert torch.equal(work.seg[1], theirs["segmentation"])
        assert torch.equal(work.image[0], image)
    assert len(seen) > 1


@pytest.mark.parametrize(
    "stock",
    [
        Rot90Transform(1, (1, 2), {0, 1}),
        Rot90Transform(1, (1, 2), {1}),
        Rot90Transform(1, (1, 2), {1, 2, 3}),
        Rot90Transform(1, (), {1, 2}),
        Rot90Transform(lambda: 1, (1,), {1, 2}),
        TransposeAxesTransform({0, 1, 2}),
        TransposeAxesTransform({-1, 1}),
    ],
)
def test_axes_that_cannot_change_places_are_left_to_stock(stock: Any) -> None:
    module = rot90 if isinstance(stock, Rot90Transform) else transpose
    assert module.read(stock, (5, 6, 6)) is None


def test_a_transposition_of_one_axis_does_nothing_as_in_stock() -> None:
    step = transpose.read(TransposeAxesTransform({1}), (5, 6, 7))
    assert step is not None
    assert step.draw(np.random.default_rng(1), 1) is None
