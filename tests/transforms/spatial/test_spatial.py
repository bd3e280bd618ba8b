"""Rotating, scaling and cropping from a sub-box equals stock on the whole initial patch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from batchgeneratorsv2.transforms.spatial.spatial import SpatialTransform
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holter.trainer.auto.replay import feed, spatial_parameters
from holter.transforms import Geometry, read_chain
from holter.transforms.chain import Chain, SampleDraw
from holter.transforms.resample.cpu import resample
from holter.transforms.resample.portable import resample as resample_portable
from holter.transforms.spatial.placement import How, Placement
from holter.transforms.spatial.spatial import SpatialDraw
from transforms.material import DUMMY_2D, Configuration, noisy_image, part, speckled, voronoi

pytestmark = pytest.mark.usefixtures("both_ways")
MODES = ("bilinear", "nearest")


def chain_for(patch: tuple[int, ...], initial: tuple[int, ...], **options: Any) -> tuple[Any, Chain]:
    settings_ = {"p_rotation": 1, "rotation": (-1.0, 1.0), "p_scaling": 1, "scaling": (0.7, 1.4)} | options
    labels = {"bg_style_seg_sampling": False, "border_mode_seg": "constant", "padding_value_seg": -1}  # as nnU-Net
    stock = SpatialTransform(patch, 0, False, **labels, **settings_)
    return stock, read_chain(stock, Geometry(patch, initial))


def compare(stock: Any, chain: Chain, draw: SpatialDraw, image: torch.Tensor, seg: torch.Tensor) -> None:
    whole = SampleDraw((draw,))
    ours = chain.apply([part(image, chain, whole)], [part(seg, chain, whole)], [whole], device="cpu")
    theirs = feed(stock, draw, {"image": image.clone(), "segmentation": seg.clone()})
    assert torch.equal(ours.target[0], theirs["segmentation"])
    assert ours.target.dtype == torch.int16
    assert (ours.image[0] - theirs["image"]).abs().max() <= 1e-5


GEOMETRIES = [
    ((24, 24, 24), (38, 38, 38)),
    ((17, 21, 19), (27, 33, 30)),
    ((8, 40, 32), (20, 48, 51)),
    ((1, 20, 20), (1, 30, 29)),
    ((40, 36), (47, 42)),
    ((33, 1), (39, 5)),
]


@pytest.mark.slow
@pytest.mark.parametrize("kind", [voronoi, speckled])
@pytest.mark.parametrize(("patch", "initial"), GEOMETRIES)
@pytest.mark.parametrize("labels", [1, 2, 11])
def test_turned_and_scaled_samples_equal_stock(
    patch: tuple[int, ...], initial: tuple[int, ...], labels: int, kind: Any
) -> None:
    stock, chain = chain_for(patch, initial)
    rng = np.random.default_rng(labels)
    for seed in range(3):
        compare(
            stock, chain, chain.draw(rng, 2).draws[0], noisy_image(initial, 2, seed), kind(initial, labels, seed)[None]
        )


def test_three_hundred_labels_equal_stock() -> None:
    stock, chain = chain_for((12, 12, 12), (20, 20, 20))
    seg = speckled((20, 20, 20), 300, 1)[None]
    compare(stock, chain, chain.draw(np.random.default_rng(3), 1).draws[0], noisy_image((20, 20, 20), 1, 2), seg)


def test_two_labels_without_any_padding_in_reach_equal_stock() -> None:
    stock, chain = chain_for((20, 20, 20), (60, 60, 60), rotation=(-0.2, 0.2), scaling=(0.7, 0.9))
    seg = (voronoi((60, 60, 60), 6, 5) % 2)[None]
    assert set(seg.unique().tolist()) == {0, 1}
    for seed in range(3):
        draw = chain.draw(np.random.default_rng(seed), 1).draws[0]
        compare(stock, chain, draw, noisy_image((60, 60, 60), 1, seed), seg)


@pytest.mark.slow
@pytest.mark.parametrize("factor", [None, 1.0])
def test_a_third_label_outside_of_what_is_read_changes_nothing(factor: float | None) -> None:
    """Stock sees three labels and takes the highest score, we see two and ask who has more than half: the same, also
    where all voxels lie in the middle of two (a factor of 1 and sizes that differ by an odd number)."""
    initial, patch = (41, 41, 41), (20, 20, 20)
    stock, chain = chain_for(patch, initial, rotation=(-0.2, 0.2), scaling=(0.7, 0.9))
    for seed in range(6):
        draw = chain.draw(np.random.default_rng(seed), 1) if factor is None else SampleDraw(
            (SpatialDraw(None, (factor,) * 3),)
        )  # fmt: skip
        box = chain.needed_box(draw)
        inside = tuple(slice(*ends) for ends in zip(box.lower, box.upper, strict=True))
        seg = torch.full(initial, 2, dtype=torch.int16)
        seg[inside] = (speckled(initial, 2, seed) if seed % 2 else voronoi(initial, 30, seed)).clamp(0)[inside] % 2
        assert set(seg.unique().tolist()) == {0, 1, 2}
        assert set(seg[inside].unique().tolist()) == {0, 1}
        compare(stock, chain, draw.draws[0], noisy_image(initial, 1, seed), seg[None])


@pytest.mark.parametrize("initial", [(28, 27), (27, 28), (20, 19, 22)])
def test_samples_that_lie_exactly_between_voxels_equal_stock(initial: tuple[int, ...]) -> None:
    """Half of all voxels are ties; a factor of 1 is what makes them."""
    patch = tuple(size - 7 for size in initial)
    stock, chain = chain_for(patch, initial)
    axes = len(initial)
    for labels in (2, 3, 9):
        draw = SpatialDraw(None, (1.0,) * axes)
        compare(stock, chain, draw, noisy_image(initial, 1, labels), speckled(initial, labels, labels)[None])


def test_a_patch_as_large_as_its_source_equals_stock_at_the_edge() -> None:
    stock, chain = chain_for((20, 20), (20, 20))
    draw = SpatialDraw(None, (1.0, 1.0))
    compare(stock, chain, draw, noisy_image((20, 20), 1, 1), speckled((20, 20), 3, 2).clamp(min=1)[None])


@pytest.mark.parametrize("initial", [(26, 26, 26), (25, 27, 26), (16, 20, 11)])
def test_a_plain_crop_equals_stock_and_reads_only_what_it_shows(initial: tuple[int, ...]) -> None:
    patch = (16, 15, 12)
    stock, chain = chain_for(patch, initial)
    box = chain.needed_box(SampleDraw((SpatialDraw(None, None),)))
    assert box.shape == tuple(min(pair) for pair in zip(patch, initial, strict=True))
    compare(stock, chain, SpatialDraw(None, None), noisy_image(initial, 2, 1), voronoi(initial, 5, 2)[None])


@pytest.mark.parametrize("image_mode", MODES)
@pytest.mark.parametrize("seg_mode", MODES)
def test_all_orders_of_interpolation_equal_stock(image_mode: str, seg_mode: str) -> None:
    stock, chain = chain_for((14, 15, 16), (24, 25, 26), mode_image=image_mode, mode_seg=seg_mode)
    assert chain.mapping == (("SpatialTransform", "spatial"),)
    for seed in range(3):
        draw = chain.draw(np.random.default_rng(seed), 1).draws[0]
        compare(stock, chain, draw, noisy_image((24, 25, 26), 1, seed), voronoi((24, 25, 26), 6, seed)[None])


def test_folded_slices_equal_stock_and_keep_their_own_labels() -> None:
    """Two labels in one slice, five in the next: stock counts them slice by slice."""
    configuration = Configuration(DUMMY_2D.patch, degrees=180, dummy=True, channels=2)
    compose = configuration.training()
    compose.transforms = compose.transforms[:3]
    compose.transforms[1].p_rotation = 1
    chain = read_chain(compose, configuration.geometry)
    image = noisy_image(configuration.initial, 2, 1)
    seg = torch.stack([voronoi(configuration.initial[1:], labels, labels) for labels in (1, 2, 3, 5, 1)])[None]
    for seed in range(4):
        draw = chain.draw(np.random.default_rng(seed), 2)
        ours = chain.apply([part(image, chain, draw)], [part(seg, chain, draw)], [draw], device="cpu")
        theirs = {"image": image.clone(), "segmentation": seg.clone()}
        for transform in compose.transforms:
            theirs = feed(transform, draw.draws[0], theirs)
        assert torch.equal(ours.target[0], theirs["segmentation"])
        assert (ours.image[0] - theirs["image"]).abs().max() <= 1e-5


# The fixture is the same for all examples.
@pytest.mark.slow
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(1, 14), st.integers(0, 9)), min_size=2, max_size=3),
    st.integers(0, 2**32 - 1),
    st.integers(1, 6),
    st.sampled_from([0.0, 0.3, 3.0]),
)
def test_any_geometry_draw_and_labels_equal_stock(
    sizes: list[tuple[int, int]], seed: int, labels: int, angle: float
) -> None:
    patch = tuple(size for size, _ in sizes)
    initial = tuple(size + more for size, more in sizes)
    stock, chain = chain_for(patch, initial, rotation=(-angle, angle))
    draw = chain.draw(np.random.default_rng(seed), 1).draws[0]
    compare(stock, chain, draw, noisy_image(initial, 1, seed), speckled(initial, labels, seed)[None])


def placed(patch: tuple[int, ...], initial: tuple[int, ...], seed: int) -> Placement:
    _, chain = chain_for(patch, initial)
    draw = chain.draw(np.random.default_rng(seed), 1)
    affine = chain.steps[0].affine(draw.draws[0])
    return Placement(initial, chain.needed_box(draw).lower, patch, affine)


@pytest.mark.parametrize(("patch", "initial"), GEOMETRIES)
@pytest.mark.parametrize("seg_mode", MODES)
def test_gathers_on_any_device_equal_the_sampler_of_the_cpu(
    patch: tuple[int, ...], initial: tuple[int, ...], seg_mode: str
) -> None:
    for seed in range(3):
        _, chain = chain_for(patch, initial)
        draw = chain.draw(np.random.default_rng(seed), 1)
        place = placed(patch, initial, seed)
        image = part(noisy_image(initial, 2, seed), chain, draw)
        seg = part(torch.stack([speckled(initial, 3, seed), voronoi(initial, 1, seed)]), chain, draw)
        results = []
        for way in (resample, resample_portable):
            into = (torch.empty((2, *patch)), torch.empty((2, *patch), dtype=torch.int16))
            way(image, seg, place, How("bilinear", seg_mode, -1), into)
            results.append(into)
        assert torch.equal(results[0][1], results[1][1])
        # Coordinates of up to 60 voxels are known to some 4e-6, and neighbours of this noise differ by up to 6; not all
        # processors round alike. A wrong neighbour would differ by tenths.
        assert (results[0][0] - results[1][0]).abs().max() <= 1e-4


def test_eight_bit_labels_give_what_sixteen_bit_labels_give() -> None:
    _, chain = chain_for((14, 15, 16), (24, 25, 26))
    draw = chain.draw(np.random.default_rng(1), 1)
    image, seg = noisy_image((24, 25, 26), 1, 1), speckled((24, 25, 26), 127, 1)[None]
    parts = [part(image, chain, draw)]
    batches = [
        chain.apply(parts, [part(seg.to(kind), chain, draw)], [draw], device="cpu")
        for kind in (torch.int8, torch.int16)
    ]
    assert torch.equal(batches[0].target, batches[1].target)


@pytest.mark.slow
def test_the_needed_box_is_small() -> None:
    """What is read, on average, in multiples of the patch: cubes, other 3D patches, slices."""
    limits = [
        ((128,) * 3, (205,) * 3, 30, 1.45),
        ((80, 192, 160), (194, 289, 210), 30, 1.55),
        ((512, 512), (602, 602), 180, 1.15),
    ]
    for patch, initial, degrees, limit in limits:
        angle = degrees * np.pi / 180
        options = {
            "p_rotation": 0.2,
            "p_scaling": 0.2,
            "rotation": (-angle, angle),
            "p_synchronize_scaling_across_axes": 1,
        }
        _, chain = chain_for(patch, initial, **options)
        rng = np.random.default_rng(0)
        read = [np.prod(chain.needed_box(chain.draw(rng, 1)).shape) for _ in range(6000)]
        assert np.mean(read) / np.prod(patch) <= limit


def test_inputs_are_left_untouched() -> None:
    _, chain = chain_for((14, 15, 16), (24, 25, 26))
    draw = chain.draw(np.random.default_rng(1), 1)
    image, seg = (
        part(noisy_image((24, 25, 26), 1, 1), chain, draw),
        part(voronoi((24, 25, 26), 3, 1)[None], chain, draw),
    )
    before = image.clone(), seg.clone()
    chain.apply([image], [seg], [draw], device="cpu")
    assert torch.equal(image, before[0])
    assert torch.equal(seg, before[1])


def test_stock_would_notice_a_wrong_angle() -> None:
    """The comparison can fail."""
    stock, chain = chain_for((14, 15, 16), (24, 25, 26))
    draw = chain.draw(np.random.default_rng(1), 1).draws[0]
    other = SpatialDraw(tuple(angle + 1e-3 for angle in draw.angles), draw.scales)
    image = noisy_image((24, 25, 26), 1, 1)
    grids = [spatial_parameters(stock, drawn, image)["grid"] for drawn in (draw, other)]
    assert not torch.equal(*grids)


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
def test_a_patch_of_the_usual_size_equals_stock_with_any_number_of_threads(threads: int) -> None:
    """Matrix products of this size are cut into blocks, by size and by thread; coordinates must not notice."""
    stock, chain = chain_for((96, 96, 96), (154, 154, 154))
    draw = chain.draw(np.random.default_rng(threads), 1).draws[0]
    image, seg = noisy_image((154, 154, 154), 1, 1), speckled((77, 77, 77), 5, 2)
    seg = seg.repeat_interleave(2, 0).repeat_interleave(2, 1).repeat_interleave(2, 2)[None]
    torch.set_num_threads(threads)
    try:
        compare(stock, chain, draw, image, seg)
    finally:
        torch.set_num_threads(1)
