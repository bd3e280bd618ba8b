"""What happens to segmentations after sampling, and to the previous stage of a cascade."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from batchgeneratorsv2.transforms.nnunet.random_binary_operator import (
    ApplyRandomBinaryOperatorTransform,
    binary_closing_torch,
    binary_dilation_torch,
    binary_erosion_torch,
    binary_opening_torch,
)
from batchgeneratorsv2.transforms.nnunet.remove_connected_components import (
    RemoveRandomConnectedComponentFromOneHotEncodingTransform,
)
from batchgeneratorsv2.transforms.nnunet.seg_to_onehot import MoveSegAsOneHotToDataTransform
from batchgeneratorsv2.transforms.spatial.mirroring import MirrorTransform
from batchgeneratorsv2.transforms.utils.deep_supervision_downsampling import DownsampleSegForDSTransform
from batchgeneratorsv2.transforms.utils.nnunet_masking import MaskImageTransform
from batchgeneratorsv2.transforms.utils.remove_label import RemoveLabelTansform
from batchgeneratorsv2.transforms.utils.seg_to_regions import ConvertSegmentationToRegionsTransform
from hypothesis import given
from hypothesis import strategies as st
from skimage.morphology import ball, disk

from holter.trainer.auto.replay import feed
from holter.transforms import mirror
from holter.transforms.batch_state import ALWAYS, Applied, BatchState
from holter.transforms.labels import binary_operator, mask, one_hot, regions, remove_component, remove_label
from holter.transforms.resample import downsample
from transforms.material import noisy_image, speckled, voronoi

SIZES = [(9, 11, 8), (13, 10)]


def batch(size: tuple[int, ...], labels: int = 5, segs: int = 1) -> BatchState:
    images = [noisy_image(size, 2, slot) for slot in range(2)]
    labelled = [torch.stack([voronoi(size, labels, slot + 10 * index) for index in range(segs)]) for slot in range(2)]
    return BatchState(torch.stack(images), torch.stack(labelled))


def compare(stock: Any, step: Any, work: BatchState, draws: list[Any]) -> None:
    samples = [{"image": work.image[slot].clone(), "segmentation": work.seg[slot].clone()} for slot in range(2)]
    step.apply(work, [Applied(slot, draw) for slot, draw in enumerate(draws) if draw is not None])
    for slot, (draw, sample) in enumerate(zip(draws, samples, strict=True)):
        theirs = feed(stock, draw, sample)
        assert torch.equal(work.image[slot], theirs["image"])
        ours = [level[slot] for level in work.seg] if isinstance(work.seg, list) else [work.seg[slot]]
        wanted = theirs["segmentation"] if isinstance(theirs["segmentation"], list) else [theirs["segmentation"]]
        for made, other in zip(ours, wanted, strict=True):
            assert torch.equal(made, other)
            assert made.dtype == other.dtype


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize(
    ("stock", "module"),
    [
        (MaskImageTransform([1], 0, 0.5), mask),
        (RemoveLabelTansform(-1, 0), remove_label),
        (RemoveLabelTansform(2, 7, 0), remove_label),
        (ConvertSegmentationToRegionsTransform([(1, 2, 3), 2, [3], 4]), regions),
    ],
    ids=lambda value: type(value).__name__ if not hasattr(value, "__name__") else "",
)
def test_a_transform_without_draws_equals_stock(stock: Any, module: Any, size: tuple[int, ...]) -> None:
    compare(stock, module.read(stock), batch(size), [ALWAYS, ALWAYS])


@pytest.mark.parametrize("remove", [True, False])
def test_the_previous_stage_becomes_channels_as_in_stock(remove: bool) -> None:
    stock = MoveSegAsOneHotToDataTransform(1, [1, 2, 3, 4], remove)
    step = one_hot.read(stock)
    assert step.channels_after(2) == 6
    compare(stock, step, batch((9, 11, 8), segs=2), [ALWAYS, ALWAYS])


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_every_combination_of_mirrored_axes_equals_stock(size: tuple[int, ...]) -> None:
    axes = len(size)
    for number in range(2**axes):
        chosen = tuple(axis for axis in range(axes) if number >> axis & 1)
        draw = mirror.MirrorDraw(chosen) if chosen else None
        stock = MirrorTransform(tuple(range(axes)))
        compare(stock, mirror.read(stock), batch(size), [draw, None])


@given(
    st.lists(st.tuples(st.integers(1, 23), st.sampled_from([1, 0.5, 0.25, 1 / 3, 0.7])), min_size=2, max_size=3),
    st.booleans(),
)
def test_any_scale_of_deep_supervision_equals_stock(axes: list[tuple[int, float]], is_bool: bool) -> None:
    size, scales = zip(*axes, strict=True)
    if any(round(length * scale) < 1 for length, scale in axes):
        return
    stock = DownsampleSegForDSTransform([[1.0] * len(size), list(scales)])
    seg = torch.stack([speckled(size, 4, slot)[None] for slot in range(2)])
    work = BatchState(torch.zeros((2, 1, *size)), seg > 1 if is_bool else seg)
    compare(stock, downsample.read(stock, len(size)), work, [ALWAYS, ALWAYS])


def test_the_full_resolution_is_not_copied() -> None:
    seg = speckled((4, 4), 3, 1)[None, None]
    assert downsample.coarse(seg, (1.0, 1.0)) is seg


# --- cascade ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("radius", [1, 1.4, 2.3, 2.6, 3.5, 7.9])
def test_balls_are_those_of_skimage(radius: float) -> None:
    assert np.array_equal(binary_operator.ball(radius, 3).numpy(), ball(radius, dtype=bool))
    assert np.array_equal(binary_operator.ball(radius, 2).numpy(), disk(radius, dtype=bool))


STOCK_OPERATORS = (binary_dilation_torch, binary_erosion_torch, binary_closing_torch, binary_opening_torch)


@pytest.mark.parametrize("size", [(15, 13, 17), (22, 19)], ids=str)
@pytest.mark.parametrize("operator", STOCK_OPERATORS, ids=lambda function: function.__name__)
def test_a_binary_operator_equals_stock(operator: Any, size: tuple[int, ...]) -> None:
    stock = ApplyRandomBinaryOperatorTransform([-3, -2, -1], (operator,), (1, 5), 0.7)
    step = binary_operator.read(stock)
    rng = np.random.default_rng(5)
    for seed in range(4):
        labels = [voronoi(size, 4, seed), voronoi(size, 9, seed).clamp(max=3)]
        image = torch.stack([torch.stack([(seg == label).float() for label in (7, 1, 2, 3)]) for seg in labels])
        compare(stock, step, BatchState(image, torch.zeros((2, 1, *size))), [step.draw(rng, 4), step.draw(rng, 4)])


def test_the_cropped_way_of_the_cpu_equals_the_whole_way_of_a_device() -> None:
    rng = np.random.default_rng(1)
    for filled in (0.0, 0.02, 0.5, 0.99, 1.0):
        shape = torch.from_numpy(rng.random((11, 12, 9)) < filled)
        around = binary_operator.ball(2.6, 3)
        assert torch.equal(binary_operator.grow(shape, around), binary_operator._grow(shape, around))
        assert torch.equal(binary_operator.shrink(shape, around), ~binary_operator._grow(~shape, around))


@pytest.mark.parametrize("fill", [0, 1])
def test_removing_a_component_equals_stock(fill: int) -> None:
    stock = RemoveRandomConnectedComponentFromOneHotEncodingTransform([-3, -2, -1], fill, 0.15, 0.8)
    step = remove_component.read(stock)
    rng = np.random.default_rng(2)
    for seed in range(6):
        labels = [voronoi((15, 13, 17), 4, seed), voronoi((15, 13, 17), 12, seed) % 4]
        image = torch.stack([torch.stack([(seg == label).float() for label in (7, 1, 2, 3)]) for seg in labels])
        compare(stock, step, BatchState(image, torch.zeros((2, 1, 15, 13, 17))), [step.draw(rng, 4), step.draw(rng, 4)])


def test_a_component_that_covers_too_much_stays() -> None:
    whole = np.ones((6, 6), bool)
    assert remove_component.component(whole, 0.5, 0.15) is None
    assert remove_component.component(~whole, 0.5, 0.15) is None
