"""The previous stage of a cascade in the compiled kernels: every voxel as in torch."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from holter.transforms import Chain, Geometry, SampleDraw
from holter.transforms.kernels import program_of
from holter.transforms.labels.binary_operator import OPERATORS, BinaryOperator, BinaryOperatorDraw
from holter.transforms.labels.one_hot import OneHot
from holter.transforms.labels.regions import Regions
from holter.transforms.labels.remove_component import RemoveComponent
from holter.transforms.labels.remove_label import RemoveLabel
from holter.transforms.mirror import Mirror, MirrorDraw
from holter.transforms.random_apply import RandomApply
from holter.transforms.resample.downsample import Downsample
from holter.transforms.scalar import Uniform
from needs import needs
from transforms.kernels.sets import all_kernels
from transforms.kernels.twins import compare, twin_of
from transforms.material import Configuration, always, chain_of, noisy_image, part, run, speckled, voronoi

pytestmark = needs("c++")


USUAL = Uniform(1, 8)


def stage(labels: int, radius: Uniform = USUAL, fill: float = 0.5) -> tuple[Any, ...]:
    """The steps of a cascade with this many labels."""
    channels = tuple(range(-labels, 0))
    return (
        RemoveLabel(-1, 0, None),
        OneHot(1, tuple(range(1, labels + 1)), True),
        BinaryOperator(channels, tuple(OPERATORS), radius, 0.9),
        RemoveComponent(channels, fill, 0.3, 0.9),
    )


@pytest.mark.slow
@settings(max_examples=150)
@given(
    st.lists(st.integers(1, 24), min_size=2, max_size=3).map(tuple),
    st.integers(1, 5),
    st.floats(0, 11),
    st.sampled_from(["organs", "speckles", "nothing", "one voxel", "everything"]),
    st.sets(st.integers(0, 1)),
    st.integers(0, 2**31),
)
@example((2, 2, 130), 2, 9.5, "speckles", {0, 1}, 1)
@example((1, 3, 3), 3, 0.0, "organs", set(), 1)
def test_every_voxel_of_the_previous_stage_equals_torch(
    size: tuple[int, ...], labels: int, radius: float, what: str, axes: set[int], seed: int
) -> None:
    steps = (Mirror((0, 1)), *stage(labels, Uniform(radius, radius + 0.5)), Mirror((0, 1)))
    chain = Chain(Geometry(size, size), steps, ())
    drawn = list(chain.draw(np.random.default_rng(seed), 2).draws)
    drawn[0] = drawn[-1] = MirrorDraw(tuple(axes)) if axes else None
    previous = {
        "organs": lambda: voronoi(size, labels + 1, seed),
        "speckles": lambda: speckled(size, labels + 1, seed),
        "nothing": lambda: torch.zeros(size, dtype=torch.int16),
        "one voxel": lambda: (speckled(size, 2, seed).flatten().cumsum(0) == 1).view(size).to(torch.int16),
        "everything": lambda: torch.ones(size, dtype=torch.int16),
    }[what]()
    seg = torch.stack([voronoi(size, 3, seed + 1), previous])
    compare(chain, [noisy_image(size, 2, seed)], [seg], [SampleDraw(tuple(drawn))], 0.0)


@pytest.mark.slow
@pytest.mark.parametrize("axes", [2, 3])
def test_every_operator_and_ball_up_to_the_largest_equals_torch(axes: int) -> None:
    size = (34, 41, 70)[3 - axes :]
    seg = torch.stack([voronoi(size, 3, 1), voronoi(size, 4, 2)])
    steps = stage(3)[1:3]
    for radius, operator in itertools.product((0.4, 1, 1.2, 1.5, 2.26, 3, 5.75, 8, 15.99), OPERATORS):
        operate = BinaryOperatorDraw((2, 4), (operator, operator), (radius, radius / 2), (2, 3, 4))
        chain = Chain(Geometry(size, size), steps, ())
        draw = SampleDraw((steps[0].draw(np.random.default_rng(1), 2), operate))
        compare(chain, [noisy_image(size, 2, 1)], [seg], [draw], 0.0)


@pytest.mark.parametrize("regions", [False, True])
@pytest.mark.parametrize("patch", [(14, 20, 18), (40, 36)], ids=str)
def test_a_whole_cascade_is_compiled_and_equals_torch(patch: tuple[int, ...], regions: bool) -> None:
    extra: dict[str, Any] = {"regions": [(1, 2, 3), (2, 3)], "ignore_label": 4} if regions else {}
    scales = [[1.0] * len(patch), [0.5] * len(patch)]
    configuration = Configuration(patch, channels=2, labels=4, cascade=True, scales=scales, extra=extra)
    for compose in (always(configuration.training()), configuration.validation()):
        chain = chain_of(configuration, compose)
        assert chain.program is not None
        assert chain.program.is_whole
        rng = np.random.default_rng(1)
        for seed in range(3):
            draws = [chain.draw(rng, 2) for _ in range(2)]
            samples = [configuration.sample(7 * seed + slot) for slot in range(2)]
            images = [part(image, chain, draw) for (image, _), draw in zip(samples, draws, strict=True)]
            segs = [part(seg, chain, draw).to(torch.int8) for (_, seg), draw in zip(samples, draws, strict=True)]
            compare(chain, images, segs, draws, 1e-4)
            ours, theirs = run(chain, samples, draws), run(twin_of(chain), samples, draws)
            assert torch.equal(ours.image[:, 2:], theirs.image[:, 2:])


def test_a_previous_stage_that_stays_in_the_segmentation_equals_torch() -> None:
    size = (9, 12, 17)
    steps = (
        OneHot(0, (1, 2), False), RemoveLabel(2, 7, (0,)), OneHot(0, (7,), True), Regions(((1, 2), (3,)), 0),
        Downsample(((1.0, 1.0, 1.0), (0.5, 0.5, 0.5))),
    )  # fmt: skip
    for some in (steps, steps[:3], (*steps[:3], steps[4])):
        chain = Chain(Geometry(size, size), some, ())
        draw = chain.draw(np.random.default_rng(1), 1)
        seg = torch.stack([speckled(size, 4, 1), speckled(size, 4, 2)])
        compare(chain, [noisy_image(size, 1, 1)], [seg], [draw], 0.0)


def test_what_the_kernels_cannot_count_runs_in_torch() -> None:
    """Each of these would read or write beside the memory of a sample."""
    kernels = next(iter(all_kernels().values()))
    size, channels = (9, 12, 17), (-2, -1)
    geometry = Geometry(size, size)
    names = tuple(OPERATORS)
    for step in (
        OneHot(-1, (1,), True),
        OneHot(0, (40_000,), True),
        BinaryOperator((-3, -1), names, Uniform(1, 8), 1),
        BinaryOperator((-1, 0), names, Uniform(1, 8), 1),
        BinaryOperator(channels, names, Uniform(1, 17), 1),
        RandomApply(BinaryOperator(channels, names, Uniform(-1, 8), 1), 0.5),
        RemoveLabel(1, 0, (-1,)),
    ):
        assert program_of((step,), geometry, kernels) is None
    program = program_of((OneHot(1, (1,), True), Regions(((1,),), 1)), geometry, kernels)
    assert program is not None
    image = np.zeros((1, *size), np.float32)
    fits = [program.can_read([image], [np.zeros((count, *size), np.int8)]) for count in (1, 2, 3)]
    assert fits == [False, False, True]
