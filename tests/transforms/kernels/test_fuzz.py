"""The compiled kernels against their twin in torch, on any geometry: labels to the bit, images up to rounding."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import pytest
import torch
from batchgeneratorsv2.transforms.noise.sharpen import SharpeningTransform
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from holter.transforms import Chain, Geometry, SampleDraw
from holter.transforms.kernels import Segment
from holter.transforms.labels.mask import Mask
from holter.transforms.labels.regions import Regions
from holter.transforms.labels.remove_label import RemoveLabel
from holter.transforms.median import Median, MedianDraw
from holter.transforms.mirror import Mirror, MirrorDraw
from holter.transforms.noise import Noise, NoiseDraw
from holter.transforms.resample.downsample import Downsample
from holter.transforms.scalar import Constant
from holter.transforms.spatial.placement import How
from holter.transforms.spatial.spatial import Spatial, SpatialDraw
from needs import needs
from transforms.kernels.sets import all_kernels
from transforms.kernels.twins import compare, compiled, twin_of
from transforms.material import Configuration, always, chain_of, noisy_image, part, run, speckled, voronoi

pytestmark = needs("c++")


def test_with_a_compiler_there_are_kernels() -> None:
    assert all_kernels()


MODES = st.sampled_from(["bilinear", "nearest"])
ANGLES = st.one_of(st.none(), st.floats(-3.2, 3.2), st.sampled_from([0.0, np.pi / 2, -np.pi]))
SCALES = st.one_of(st.none(), st.floats(0.6, 1.5), st.sampled_from([1.0, 0.5, 2.0]))


class Case(NamedTuple):
    """A geometry with labels."""

    sizes: list[tuple[int, int]]  # of the patch, and how much larger the source is
    angles: list[float | None]
    scale: float | None
    how: How
    labels: int
    seed: int
    is_voronoi: bool
    folds: bool  # slices of the first axis


def check(case: Case) -> None:
    """Compare a spatial step, mirroring and a replaced label."""
    folds = int(case.folds and len(case.sizes) == 3)
    # Three axes of at most 20 voxels: more geometries in the same time.
    sizes = [(1 + size % 20, more % 10) for size, more in case.sizes] if len(case.sizes) == 3 else case.sizes
    seed, labels = case.seed, case.labels
    patch = tuple(size for size, _ in sizes)
    initial = tuple(size + more for size, more in sizes)
    axes = len(patch)
    if folds:
        initial = (patch[0], *initial[1:])
    moved = axes - folds
    step = Spatial(patch[folds:], 1, Constant(0), 1, 1, Constant(1), 1, case.how, bool(folds))
    angles = None if None in case.angles else tuple(case.angles[:moved])
    draw = SpatialDraw(angles, None if case.scale is None else (case.scale,) * moved)
    rng = np.random.default_rng(seed)
    mirror = tuple(axis for axis in range(axes) if rng.random() < 0.5)
    chain = Chain(
        Geometry(patch, initial, bool(folds)), (step, Mirror(tuple(range(axes))), RemoveLabel(-1, 0, None)), ()
    )
    draws = SampleDraw((draw, MirrorDraw(mirror) if mirror else None, chain.steps[2].draw(rng, 1)))
    make = voronoi if case.is_voronoi else speckled
    seg = torch.stack([make(initial, labels, seed), make(initial, 2, seed + 1)])
    seg = seg.to(torch.int8) if labels < 100 and seed % 3 else seg
    image = noisy_image(initial, 1 + seed % 2, seed)
    compare(chain, [part(image, chain, draws)], [part(seg, chain, draws)], [draws], 2e-5)


CASES = st.builds(
    Case,
    st.lists(st.tuples(st.integers(1, 40), st.integers(0, 14)), min_size=2, max_size=3),
    st.lists(ANGLES, min_size=3, max_size=3),
    SCALES,
    st.builds(How, MODES, MODES, st.sampled_from([-1, 0])),
    st.sampled_from([1, 2, 3, 9, 40, 300]),
    st.integers(0, 2**31),
    st.booleans(),
    st.booleans(),
)
LINEAR = How("bilinear", "bilinear", -1)
ONE = Constant(1.0)


@pytest.mark.slow
@settings(max_examples=200)
@given(CASES)
@example(Case([(20, 0), (20, 0)], [None] * 3, 1.0, LINEAR, 3, 1, False, False))
@example(Case([(33, 1), (3, 0), (16, 8)], [0.3, 0.0, 0.0], None, LINEAR, 300, 3, True, True))
def test_any_geometry_equals_torch(case: Case) -> None:
    check(case)


@pytest.mark.long
@settings(max_examples=10_000, suppress_health_check=list(HealthCheck))
@given(CASES)
def test_ten_thousand_geometries_equal_torch(case: Case) -> None:
    check(case)


@pytest.mark.slow
@settings(max_examples=60)
@given(st.lists(st.integers(5, 24), min_size=2, max_size=3), st.integers(1, 3), st.booleans(), st.integers(0, 2**31))
def test_a_whole_chain_in_which_everything_is_drawn_equals_torch(
    patch: list[int], channels: int, dummy: bool, seed: int
) -> None:
    flat = len(patch) == 2
    configuration = Configuration(
        tuple(patch), degrees=180.0 if flat or dummy else 30.0, dummy=dummy and not flat, channels=channels,
        scales=[[1.0] * len(patch), [0.5] * len(patch)], extra={"use_mask_for_norm": [seed % 2 == 0] * channels},
    )  # fmt: skip

    chain = chain_of(configuration, always(configuration.training()))
    rng = np.random.default_rng(seed)
    draws = [chain.draw(rng, channels) for _ in range(2)]
    samples = [configuration.sample(seed % 1000 + slot) for slot in range(2)]
    images = [part(image, chain, draw) for (image, _), draw in zip(samples, draws, strict=True)]
    segs = [part(seg, chain, draw) for (_, seg), draw in zip(samples, draws, strict=True)]
    compare(chain, images, segs, draws, 1e-4)


@pytest.mark.parametrize("size", [(5, 9, 75), (7, 33), (1, 1), (2, 3, 128)])
def test_noise_is_equal_to_the_bit_mirrored_or_not(size: tuple[int, ...]) -> None:
    steps = (Noise(Constant(1.0), 1, False), Mirror(tuple(range(len(size)))))
    chain = Chain(Geometry(size, size), steps, ())
    noise = NoiseDraw((0, 2), (1.0, 0.37), 2**62 + 12345)
    for axes in ((), (0,), tuple(range(len(size)))):
        draw = SampleDraw((noise, MirrorDraw(axes) if axes else None))
        image, seg = torch.zeros((3, *size)), torch.zeros((1, *size), dtype=torch.int8)
        compare(chain, [image], [seg], [draw], 0.0)


def test_regions_and_several_resolutions_equal_torch() -> None:
    size = (9, 12, 17)
    steps = (
        Mask((0,), 0, 0.5),
        RemoveLabel(-1, 0, (0,)),
        Regions(((1, 2, 3), (2,), (400, -3)), 1),
        Downsample(((1.0, 1.0, 1.0), (0.5, 0.5, 0.5), (1 / 3, 0.7, 1.0))),
    )
    chain = Chain(Geometry(size, size), steps, ())
    draw = chain.draw(np.random.default_rng(1), 2)
    seg = torch.stack([speckled(size, 4, 1), speckled(size, 9, 2)])
    compare(chain, [noisy_image(size, 2, 1)], [seg], [draw], 0.0)


def test_many_samples_in_one_call_are_what_they_are_alone() -> None:

    configuration = Configuration((11, 14, 12), channels=2, scales=[[1.0] * 3, [0.5] * 3])
    chain = chain_of(configuration, always(configuration.training()))
    draws = [chain.draw(np.random.default_rng(slot), 2) for slot in range(3)]
    samples = [configuration.sample(slot) for slot in range(3)]
    images = [part(image, chain, draw) for (image, _), draw in zip(samples, draws, strict=True)]
    segs = [part(seg, chain, draw) for (_, seg), draw in zip(samples, draws, strict=True)]
    together = compiled(chain, images, segs, draws)
    for slot in range(3):
        alone = compiled(chain, images[slot : slot + 1], segs[slot : slot + 1], draws[slot : slot + 1])
        for name, (image, targets) in together.items():
            assert torch.equal(image[slot], alone[name][0][0])
            assert all(torch.equal(a[slot], b[0]) for a, b in zip(targets, alone[name][1], strict=True))


@settings(max_examples=60)
@given(
    st.lists(st.integers(1, 13), min_size=2, max_size=3),
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.sets(st.integers(0, 1)),
    st.booleans(),
    st.integers(0, 2**31),
)
def test_a_median_is_the_voxel_that_scipy_takes(
    size: list[int], sizes: tuple[int, int], axes: set[int], has_equal_voxels: bool, seed: int
) -> None:
    chain = Chain(Geometry(tuple(size), tuple(size)), (Median(1, 9, 0, 1), Mirror(tuple(range(len(size))))), ())
    draw = SampleDraw((MedianDraw((0, 1), sizes), MirrorDraw(tuple(axes)) if axes else None))
    image = noisy_image(tuple(size), 2, seed)
    seg = torch.zeros((1, *size), dtype=torch.int8)
    compare(chain, [image.round() if has_equal_voxels else image], [seg], [draw], 0.0)


class OwnSharpening(SharpeningTransform):
    """A subclass may do anything, so nnU-Net's own code runs."""


@pytest.mark.parametrize("place", [0, 5])
def test_steps_after_an_unknown_one_equal_torch(place: int) -> None:
    """The kernels go on in place, also if an unknown transform comes first."""
    configuration = Configuration((14, 17, 19), channels=2, scales=[[1.0] * 3, [0.5] * 3])
    compose = always(configuration.training())
    compose.transforms.insert(place, OwnSharpening((0.1, 0.3)))
    chain = chain_of(configuration, compose)
    segments = [part for part in chain._parts(0) if isinstance(part, Segment)]
    assert segments
    rng = np.random.default_rng(3)
    for seed in range(3):
        draws = [chain.draw(rng, 2) for _ in range(2)]
        samples = [configuration.sample(10 * seed + slot) for slot in range(2)]
        ours, theirs = run(chain, samples, draws), run(twin_of(chain), samples, draws)
        for level, other in zip(ours.target, theirs.target, strict=True):
            assert torch.equal(level, other)
        assert (ours.image - theirs.image).abs().max() <= 1e-4 * theirs.image.abs().max()


def test_a_sample_that_the_kernels_cannot_read_goes_through_all_steps_in_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    configuration = Configuration((14, 17, 19), channels=1)
    chain = chain_of(configuration, always(configuration.training()))
    draw, sample = chain.draw(np.random.default_rng(3), 1), configuration.sample(3)
    wanted = run(twin_of(chain), [sample], [draw])
    assert chain.program is not None
    monkeypatch.setattr("holter.transforms.kernels.program.MOST_VOXELS", 10)
    done = run(chain, [sample], [draw])
    assert torch.equal(done.target, wanted.target)
    assert (done.image - wanted.image).abs().max() <= 1e-4 * wanted.image.abs().max()


# --- what the kernels were not made for -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [torch.int8, torch.int16])
def test_the_lowest_label_that_a_type_can_hold_is_a_label_like_others(kind: torch.dtype) -> None:
    """The table of cells says with it that the corners differ."""
    initial, patch = (15, 16, 17), (9, 12, 11)
    chain = Chain(Geometry(patch, initial), (Spatial(patch, 1, ONE, 1, 1, ONE, 1, LINEAR, False),), ())
    draw = SampleDraw((SpatialDraw((0.4, 0.2, -0.3), (0.9,) * 3),))
    lowest = torch.iinfo(kind).min
    seg = torch.where(voronoi(initial, 5, 1) == 2, lowest, voronoi(initial, 3, 2)).to(kind)[None]
    assert (seg == lowest).any()
    compare(chain, [part(noisy_image(initial, 1, 1), chain, draw)], [part(seg, chain, draw)], [draw], 2e-5)


def test_a_very_long_row_and_a_patch_much_larger_than_its_source_equal_torch() -> None:
    for patch, initial in (((2, 5000), (3, 5003)), ((60, 70), (4, 5)), ((30, 3, 40), (2, 1, 3))):
        step = Spatial(patch, 1, ONE, 1, 1, ONE, 1, LINEAR, False)
        chain = Chain(Geometry(patch, initial), (step,), ())
        for angles in (None, (0.2, -0.1, 0.3)[: len(patch)]):
            draw = SampleDraw((SpatialDraw(angles, None),))
            image, seg = noisy_image(initial, 1, 1), speckled(initial, 3, 1)[None]
            compare(chain, [part(image, chain, draw)], [part(seg, chain, draw)], [draw], 3e-5)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 3e38])
def test_numbers_that_no_image_should_hold_end_no_call(value: float) -> None:
    configuration = Configuration((11, 14, 12), channels=2)
    steps = (*chain_of(configuration, always(configuration.training())).steps[1:9], Median(2, 5, 0, 1))
    chain = Chain(Geometry((11, 14, 12), (11, 14, 12)), steps, ())
    draw = chain.draw(np.random.default_rng(1), 2)
    image, seg = noisy_image((11, 14, 12), 2, 1), voronoi((11, 14, 12), 3, 1)[None]
    image[0, 5, 5, 5:7] = value
    done = compiled(chain, [image], [seg], [draw])
    assert all(torch.equal(targets[0], done["portable"][1][0]) for _, targets in done.values())


def test_threads_and_a_forked_child_do_not_disturb_each_other() -> None:
    configuration = Configuration((20, 24, 22), channels=1)
    chain = chain_of(configuration, always(configuration.training()))
    draws = [chain.draw(np.random.default_rng(slot), 1) for slot in range(16)]
    samples = [configuration.sample(slot) for slot in range(16)]
    alone = [run(chain, [sample], [draw]) for sample, draw in zip(samples, draws, strict=True)]
    with ThreadPoolExecutor(8) as pool:
        both = list(pool.map(lambda slot: run(chain, [samples[slot]], [draws[slot]]), range(16)))
    for single, other in zip(alone, both, strict=True):
        assert torch.equal(single.image, other.image)
        assert torch.equal(single.target, other.target)
    child = os.fork()
    if not child:
        same = torch.equal(run(chain, [samples[3]], [draws[3]]).image, alone[3].image)
        os._exit(0 if same else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
