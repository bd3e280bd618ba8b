"""The proof on a sample of the user's data: equal chains pass, and anything that differs is named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from batchgeneratorsv2.transforms.intensity.gamma import GammaTransform
from batchgeneratorsv2.transforms.intensity.gaussian_noise import GaussianNoiseTransform
from batchgeneratorsv2.transforms.spatial.mirroring import MirrorTransform
from batchgeneratorsv2.transforms.spatial.spatial import SpatialTransform
from nnunetv2.training.nnUNetTrainer.variants.data_augmentation.nnUNetTrainerDA5 import nnUNetTrainerDA5

from holter.reports.catalogue import phrase
from holter.trainer.auto.proof import ROUNDS, forced, why_different, with_all_labels
from transforms.material import Configuration, chain_of
from transforms.test_chain import CONFIGURATIONS

CHOSEN = ["3D", "3D, deep supervision", "dummy 2D", "2D", "regions and ignore, deep supervision", "masks", "cascade"]


def proved(name: str, seed: int = 1) -> str | None:
    configuration = CONFIGURATIONS[name]
    compose = configuration.training()
    image, seg = configuration.sample(seed)
    labels = range(configuration.labels + ("ignore_label" in configuration.extra))
    rng = np.random.default_rng(seed)
    said = why_different(compose, chain_of(configuration, compose), image, seg, labels, rng)
    return None if said is None else phrase(said, "en")


@pytest.mark.parametrize("name", CHOSEN)
def test_what_nnunet_can_be_configured_to_do_is_proved_equal(name: str) -> None:
    assert proved(name) is None


@pytest.mark.parametrize("seed", range(4))
def test_the_trainer_with_the_most_augmentation_is_proved_equal(seed: int) -> None:
    """Also on a background that is flat, as that of a CT is."""
    configuration = Configuration((12, 16, 16), channels=2, scales=[[1.0] * 3, [0.5] * 3])
    compose = nnUNetTrainerDA5.get_training_transforms(
        configuration.patch, (-0.5, 0.5), configuration.scales, (0, 1, 2), False, use_mask_for_norm=[True, False]
    )
    image, seg = configuration.sample(seed)
    image.clamp_(min=0.1)
    rng = np.random.default_rng(seed)
    assert why_different(compose, chain_of(configuration, compose), image, seg, range(4), rng) is None


def test_the_sample_gets_every_label(monkeypatch: pytest.MonkeyPatch) -> None:
    seg = torch.full((2, 20, 20, 20), -1, dtype=torch.int16)
    full = with_all_labels(seg, range(9), np.random.default_rng(0))
    assert all(set(range(9)) <= set(channel.unique().tolist()) for channel in full)
    assert seg.unique().tolist() == [-1]


def test_every_transform_is_made_to_apply() -> None:
    configuration = CONFIGURATIONS["3D"]
    chain = forced(chain_of(configuration, configuration.training()))
    draws = [chain.draw(np.random.default_rng(seed), 2).draws for seed in range(ROUNDS - 1)]
    assert all(any(drawn[index] is not None for drawn in draws) for index in range(len(chain.steps)))
    assert all(drawn[0].angles is not None and drawn[0].scales is not None for drawn in draws)


def mirror_other_way(self: Any, params: Any) -> Any:
    params["axes"] = [axis for axis in range(3) if axis not in params["axes"]]
    return params


@pytest.mark.parametrize(
    ("owner", "method", "wrong", "named"),
    [
        (MirrorTransform, "_apply_to_segmentation", lambda self, seg, **_: seg, "MirrorTransform"),
        (GammaTransform, "_apply_to_image", lambda self, img, **_: img * 1.01, "GammaTransform"),
        (GaussianNoiseTransform, "_apply_to_image", lambda self, img, **_: img + 0.7, "GaussianNoiseTransform"),
        (SpatialTransform, "_apply_to_segmentation", lambda self, seg, **_: seg[:, :16, :20, :18], "SpatialTransform"),
    ],
)
def test_a_transform_that_does_something_else_is_named(
    monkeypatch: pytest.MonkeyPatch, owner: type, method: str, wrong: Any, named: str
) -> None:
    """As if another version of batchgeneratorsv2 were installed: the class is the same, what it does is not."""
    monkeypatch.setattr(owner, method, wrong)
    said = proved("3D")
    assert said is not None and named in said


def test_a_wrong_order_of_the_whole_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step is right and the chain is not: what the loader runs is compared, too."""
    from holter.transforms import Chain

    apply = Chain.apply

    def doubled(self: Chain, *given: Any, **more: Any) -> Any:
        batch = apply(self, *given, **more)
        batch.image.mul_(1.01)
        return batch

    monkeypatch.setattr(Chain, "apply", doubled)
    assert "together" in str(proved("3D"))
