"""Whole chains against stock's, for all that nnU-Net can be configured to do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from holter.errors import WrongBox
from holter.trainer.auto.replay import feed
from holter.transforms import Box, Chain, Geometry, SampleDraw, read_chain
from transforms.material import DUMMY_2D, FLAT_2D, SMALL_3D, Configuration, always, chain_of, run

pytestmark = pytest.mark.usefixtures("both_ways")
SCALES_3D = [[1.0, 1.0, 1.0], [0.5, 0.5, 0.5], [0.25, 0.25, 0.25]]
REGIONS = {"regions": [(1, 2, 3), (2, 3), 3]}
CONFIGURATIONS = {
    "3D": SMALL_3D,
    "3D, deep supervision": replace(SMALL_3D, scales=SCALES_3D),
    "dummy 2D": DUMMY_2D,
    "dummy 2D, deep supervision": replace(DUMMY_2D, scales=[[1, 1, 1], [1, 0.5, 0.5], [0.5, 0.25, 0.25]]),
    "2D": FLAT_2D,
    "2D, deep supervision": replace(FLAT_2D, scales=[[1.0, 1.0], [0.5, 0.5]]),
    "anisotropic": Configuration((10, 30, 26)),
    "odd": Configuration((15, 19, 17), channels=2),
    "regions": replace(SMALL_3D, extra=REGIONS),
    "regions and ignore, deep supervision": replace(
        SMALL_3D, extra=REGIONS | {"ignore_label": 4}, labels=5, scales=SCALES_3D
    ),
    "ignore": replace(SMALL_3D, extra={"ignore_label": 4}, labels=5),
    "masks": replace(SMALL_3D, extra={"use_mask_for_norm": [False, True]}),
    "cascade": replace(SMALL_3D, cascade=True),
    "cascade, 2D, deep supervision": replace(FLAT_2D, cascade=True, scales=[[1.0, 1.0], [0.5, 0.5]]),
    "one channel": replace(SMALL_3D, channels=1),
    "four channels": replace(SMALL_3D, channels=4),
    "nine channels": replace(SMALL_3D, patch=(10, 12, 11), channels=9),
    "300 labels": replace(SMALL_3D, patch=(10, 12, 11), labels=300),
    "no mirroring": replace(SMALL_3D, mirror=()),
}


def replay(compose: Any, chain: Chain, draw: SampleDraw, image: torch.Tensor, seg: torch.Tensor) -> dict[str, Any]:
    # Stock's transforms with our draws, for a whole initial patch.
    transforms = iter(compose.transforms)
    sample: dict[str, Any] = {"image": image.clone(), "segmentation": seg.clone()}
    for (name, _), drawn in zip(chain.mapping, draw.draws, strict=True):
        group = [next(transforms) for _ in name.split(" > ")]
        for transform in group:
            sample = feed(transform, drawn, sample)
    return sample


def levels(target: Any) -> list[torch.Tensor]:
    return list(target) if isinstance(target, list) else [target]


def compare(configuration: Configuration, compose: Any, seed: int, batch_size: int = 2) -> None:
    chain = chain_of(configuration, compose)
    assert not any("fall-back" in ours for _, ours in chain.mapping)
    rng = np.random.default_rng(seed)
    draws = [chain.draw(rng, configuration.channels) for _ in range(batch_size)]
    size = chain.geometry.initial_patch_size
    samples = [configuration.sample(100 * seed + slot, size) for slot in range(batch_size)]
    ours = run(chain, samples, draws)
    for slot, (draw, sample) in enumerate(zip(draws, samples, strict=True)):
        theirs = replay(compose, chain, draw, *sample)
        difference = (ours.image[slot] - theirs["image"]).abs().max()
        assert difference <= 1e-4 * theirs["image"].abs().max()
        assert ours.image.dtype == torch.float32
        for level, other in zip(levels(ours.target), levels(theirs["segmentation"]), strict=True):
            assert torch.equal(level[slot], other)
            assert level.dtype == other.dtype
    assert isinstance(ours.target, list) == (configuration.scales is not None)


@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_training_equals_stock_when_everything_is_drawn(name: str) -> None:
    configuration = CONFIGURATIONS[name]
    compare(configuration, always(configuration.training()), seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_training_equals_stock_with_its_own_probabilities(name: str) -> None:
    configuration = CONFIGURATIONS[name]
    for seed in range(2, 5):
        compare(configuration, configuration.training(), seed)


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_validation_equals_stock(name: str) -> None:
    configuration = CONFIGURATIONS[name]
    compose = configuration.validation()
    chain = read_chain(compose, Geometry(configuration.patch, configuration.patch))
    draw = chain.draw(np.random.default_rng(0), configuration.channels)
    assert chain.needed_box(draw) == Box((0,) * len(configuration.patch), configuration.patch)
    sample = configuration.sample(1, configuration.patch)
    ours, theirs = run(chain, [sample], [draw]), replay(compose, chain, draw, *sample)
    assert torch.equal(ours.image[0], theirs["image"])
    for level, other in zip(levels(ours.target), levels(theirs["segmentation"]), strict=True):
        assert torch.equal(level[0], other)
        assert level.dtype == other.dtype


def test_a_sample_does_not_depend_on_the_others_of_its_batch() -> None:
    chain = chain_of(SMALL_3D, always(SMALL_3D.training()))
    draws = [chain.draw(np.random.default_rng(slot), 2) for slot in range(3)]
    samples = [SMALL_3D.sample(slot) for slot in range(3)]
    together = run(chain, samples, draws)
    for slot in range(3):
        alone = run(chain, samples[slot : slot + 1], draws[slot : slot + 1])
        assert torch.equal(together.image[slot], alone.image[0])
        assert torch.equal(together.target[slot], alone.target[0])


def test_the_same_draw_gives_the_same_batch() -> None:
    chain = chain_of(SMALL_3D, always(SMALL_3D.training()))
    draws = [chain.draw(np.random.default_rng(7), 2) for _ in range(2)]
    assert draws[0] == draws[1]
    batches = [run(chain, [SMALL_3D.sample(1)], [draw]) for draw in draws]
    assert torch.equal(batches[0].image, batches[1].image)


def test_autocast_changes_nothing() -> None:
    chain = chain_of(SMALL_3D, always(SMALL_3D.training()))
    draw = chain.draw(np.random.default_rng(7), 2)
    plain = run(chain, [SMALL_3D.sample(1)], [draw])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = run(chain, [SMALL_3D.sample(1)], [draw])
    assert torch.equal(plain.image, cast.image)


def test_a_sample_that_was_not_read_as_drawn_is_named() -> None:
    chain = chain_of(SMALL_3D, SMALL_3D.training())
    draw = chain.draw(np.random.default_rng(0), 2)
    image, seg = SMALL_3D.sample(1)
    with pytest.raises(WrongBox, match=r"image of sample 0 is \(.*\) voxels, its draw needs"):
        chain.apply([image[:, :3]], [seg], [draw], device="cpu")
    with pytest.raises(WrongBox, match="1 images, 0 segmentations"):
        chain.apply([image], [], [draw], device="cpu")
