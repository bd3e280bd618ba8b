"""The transforms that only nnUNetTrainerDA5 has, in the compiled kernels, against their twins in torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from batchgeneratorsv2.transforms.local.local_gamma import LocalGammaTransform
from batchgeneratorsv2.transforms.utils.random import OneOfTransform
from hypothesis import given, settings
from hypothesis import strategies as st
from nnunetv2.training.nnUNetTrainer.variants.data_augmentation.nnUNetTrainerDA5 import nnUNetTrainerDA5

from holter.transforms import Chain, Geometry, SampleDraw, read_chain
from holter.transforms.added_brightness import AddedBrightness
from holter.transforms.local.bump import Bumps
from holter.transforms.local.gradient import Gradient
from holter.transforms.local.local_gamma import LocalGamma
from holter.transforms.local.rectangles import Rectangles
from holter.transforms.mirror import Mirror, MirrorDraw
from holter.transforms.noise import Noise
from holter.transforms.scalar import Constant, Normal, Uniform
from holter.transforms.sharpen import Sharpen
from holter.transforms.spatial.rot90 import Rot90
from holter.transforms.spatial.transpose import Transpose
from needs import needs
from transforms.kernels.twins import compare, twin_of
from transforms.material import Configuration, always, noisy_image, part, run, speckled

pytestmark = needs("c++")

SIZES = st.lists(st.integers(2, 21), min_size=2, max_size=3).map(tuple)


def steps_of(size: tuple[int, ...], value: float | None) -> dict[str, Any]:
    """One step of each kind for images of this size."""
    bumps = Bumps(size, Uniform(-0.5, 1.5), tuple(Uniform(max(1, n / 6), n) for n in size))
    sides = tuple((1, n + 1) for n in size)
    return {
        "added": AddedBrightness(Normal(0, 0.5), 1, False),
        "sharpen": Sharpen(Uniform(0.1, 1), 0.5, 0.5, 1),
        "gradient": Gradient(bumps, Uniform(-5, 5), 1, False),
        "local gamma": LocalGamma(bumps, Uniform(0.01, 4), 1, False),
        "rectangles": Rectangles(size, sides, (1, 5), False, value, 1),
    }


@settings(max_examples=150)
@given(
    SIZES,
    st.sampled_from(["added", "sharpen", "gradient", "local gamma", "rectangles"]),
    st.sampled_from([None, 0.75]),
    st.sets(st.integers(0, 1)),
    st.integers(0, 2**31),
)
def test_a_change_of_the_image_equals_torch_mirrored_or_not(
    size: tuple[int, ...], name: str, value: float | None, axes: set[int], seed: int
) -> None:
    step = steps_of(size, value)[name]
    chain = Chain(Geometry(size, size), (step, Mirror((0, 1))), ())
    draw = SampleDraw((step.draw(np.random.default_rng(seed), 2), MirrorDraw(tuple(axes)) if axes else None))
    compare(chain, [noisy_image(size, 2, seed)], [speckled(size, 3, seed)[None]], [draw], 2e-5)


@pytest.mark.slow
@settings(max_examples=150)
@given(
    st.integers(1, 37), st.integers(1, 20), st.sampled_from(["ab", "aab", "aba", "baa", "aaa", "aa"]),
    st.sets(st.integers(0, 1)), st.integers(0, 2**31),
)  # fmt: skip
def test_any_order_of_the_axes_equals_torch_with_what_follows(
    a: int, b: int, shape: str, mirrored: set[int], seed: int
) -> None:
    """Noise after it and a mirror at the end: what is mirrored first must be mirrored along the right axes."""
    size = tuple({"a": a, "b": b}[letter] for letter in shape)
    alike = tuple(axis for axis, letter in enumerate(shape) if letter == "a")
    steps: tuple[Any, ...] = (
        Noise(Constant(1.0), 1, False), Transpose(alike, len(size)), Noise(Constant(0.5), 1, False),
        Mirror((0, 1)), Transpose(alike, len(size)), Noise(Constant(0.5), 1, False),
    )  # fmt: skip
    if len(alike) > 1:
        steps = (steps[0], Rot90(Constant(2), (0, 1, 2, 3), alike), *steps[1:])
    chain = Chain(Geometry(size, size), steps, ())
    rng = np.random.default_rng(seed)
    draws = list(chain.draw(rng, 1).draws)
    draws[steps.index(next(step for step in steps if isinstance(step, Mirror)))] = (
        MirrorDraw(tuple(mirrored)) if mirrored else None
    )
    seg = torch.stack([speckled(size, 300, seed), speckled(size, 3, seed)])
    compare(chain, [noisy_image(size, 1, seed)], [seg], [SampleDraw(tuple(draws))], 1e-6)


def everything(compose: Any) -> Any:
    """All transforms at every sample, also those of which one is chosen."""
    for transform in compose.transforms:
        if isinstance(transform, OneOfTransform):
            for inner in transform.list_of_transforms:
                inner.apply_probability = 1.0
        if isinstance(getattr(transform, "transform", None), LocalGammaTransform):
            transform.transform.gamma = (0.5, 4)  # an exponent near 0 makes a step of the last digit of a flat region
    return always(compose)


CONFIGURATIONS = {
    "3D": Configuration((12, 16, 16), channels=2),
    "cube": Configuration((17, 17, 17), channels=1),
    "all axes differ": Configuration((14, 17, 19), channels=2),
    "dummy 2D": Configuration((7, 26, 26), degrees=180, dummy=True, channels=2),
    "2D": Configuration((40, 40), degrees=180, channels=2),
    "cascade": Configuration((12, 16, 16), channels=1, cascade=True),
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_a_whole_chain_is_compiled_and_equals_torch(name: str) -> None:
    configuration = CONFIGURATIONS[name]
    axes = len(configuration.patch)
    compose = nnUNetTrainerDA5.get_training_transforms(
        configuration.patch, (-0.5, 0.5), [[1.0] * axes, [0.5] * axes], tuple(range(axes)), configuration.dummy,
        use_mask_for_norm=[True, False][: configuration.channels], is_cascaded=configuration.cascade,
        foreground_labels=[1, 2, 3],
    )  # fmt: skip
    chain = read_chain(everything(compose), configuration.geometry)
    assert chain.program is not None
    assert chain.program.is_whole
    assert [ours for _, ours in chain.mapping if "fall-back" in ours] == []
    rng = np.random.default_rng(3)
    for seed in range(4):
        draws = [chain.draw(rng, configuration.channels) for _ in range(2)]
        samples = [configuration.sample(10 * seed + slot) for slot in range(2)]
        images = [part(image, chain, draw) for (image, _), draw in zip(samples, draws, strict=True)]
        segs = [part(seg, chain, draw) for (_, seg), draw in zip(samples, draws, strict=True)]
        compare(chain, images, segs, draws, 1e-3)
        assert torch.equal(run(chain, samples, draws).target[1], run(twin_of(chain), samples, draws).target[1])
