"""Reading the transforms of any trainer: known ones become ours, all others run as they are, and one is told which."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from batchgeneratorsv2.transforms.base.basic_transform import BasicTransform, ImageOnlyTransform
from batchgeneratorsv2.transforms.noise.sharpen import SharpeningTransform
from batchgeneratorsv2.transforms.spatial.mirroring import MirrorTransform
from batchgeneratorsv2.transforms.spatial.spatial import SpatialTransform
from batchgeneratorsv2.transforms.spatial.transpose import TransposeAxesTransform
from batchgeneratorsv2.transforms.utils.compose import ComposeTransforms
from batchgeneratorsv2.transforms.utils.random import OneOfTransform, RandomTransform
from batchgeneratorsv2.transforms.utils.remove_label import RemoveLabelTansform
from nnunetv2.training.nnUNetTrainer.variants.data_augmentation.nnUNetTrainerDA5 import nnUNetTrainerDA5
from nnunetv2.training.nnUNetTrainer.variants.data_augmentation.nnUNetTrainerDAOrd0 import nnUNetTrainer_DASegOrd0
from nnunetv2.training.nnUNetTrainer.variants.data_augmentation.nnUNetTrainerNoDA import nnUNetTrainerNoDA

from holter import transforms
from holter.errors import UntestedVersion
from holter.transforms import Geometry, check_version, read, read_chain
from holter.transforms.spatial.geometry import whole
from transforms.material import DUMMY_2D, FLAT_2D, SMALL_3D, Configuration, chain_of, run

FALLBACK = "CPU fall-back"


class Shifted(ImageOnlyTransform):
    """A user's own transform, with global random numbers."""

    def _apply_to_image(self, img: torch.Tensor, **params: Any) -> torch.Tensor:
        return img + np.random.uniform() + torch.rand(1)


class OwnMirror(MirrorTransform):
    """A subclass may do anything."""


def transforms_of(trainer: Any, configuration: Configuration, **options: Any) -> Any:
    axes = tuple(range(len(configuration.patch)))
    scales = [[1.0] * len(axes), [0.5] * len(axes)]
    return trainer.get_training_transforms(
        configuration.patch, (-0.5, 0.5), scales, axes, configuration.dummy, **options
    )


def unknown(chain: Any) -> list[str]:
    return [stock for stock, ours in chain.mapping if ours.startswith(FALLBACK) or FALLBACK in ours]


@pytest.mark.parametrize("configuration", [SMALL_3D, DUMMY_2D, FLAT_2D], ids=["3D", "dummy 2D", "2D"])
@pytest.mark.parametrize("trainer", [nnUNetTrainerNoDA, nnUNetTrainer_DASegOrd0])
def test_trainers_with_less_augmentation_need_no_fall_back(trainer: Any, configuration: Configuration) -> None:
    chain = read_chain(transforms_of(trainer, configuration), configuration.geometry)
    assert unknown(chain) == []
    draw = chain.draw(np.random.default_rng(1), configuration.channels)
    batch = run(chain, [configuration.sample(1)], [draw])
    assert batch.target[0].min() >= 0


def test_the_mapping_names_both_sides_in_order() -> None:
    chain = chain_of(DUMMY_2D, DUMMY_2D.training())
    assert chain.mapping[0] == ("Convert3DTo2DTransform > SpatialTransform > Convert2DTo3DTransform", "spatial")
    assert chain.mapping[1] == ("RandomTransform(GaussianNoiseTransform)", "noise (p = 0.1)")
    assert chain.mapping[-1] == ("RemoveLabelTransform", "remove label")


SIX_SLICES = replace(DUMMY_2D, patch=(6, 26, 24))


@pytest.mark.parametrize("configuration", [SMALL_3D, SIX_SLICES, FLAT_2D], ids=["3D", "dummy 2D", "2D"])
def test_the_trainer_with_the_most_augmentation_needs_no_fall_back(configuration: Configuration) -> None:
    chain = read_chain(transforms_of(nnUNetTrainerDA5, configuration), configuration.geometry)
    assert unknown(chain) == []
    for seed in range(3):
        draws = [chain.draw(np.random.default_rng(seed), 2) for _ in range(2)]
        batches = [run(chain, [configuration.sample(1)] * 2, draws) for _ in range(2)]
        assert batches[0].image.shape == (2, 2, *configuration.patch)
        assert torch.equal(batches[0].image, batches[1].image)
        assert [level.dtype for level in batches[0].target] == [torch.int16] * 2


def test_numbers_with_which_stock_raises_an_error_are_left_to_stock() -> None:
    """A patch with less than six voxels along an axis has no rectangle, and a bump would be infinitely thin."""
    chain = read_chain(transforms_of(nnUNetTrainerDA5, DUMMY_2D), DUMMY_2D.geometry)
    names = ("BlankRectangleTransform", "BrightnessGradientAdditiveTransform", "LocalGammaTransform")
    # After the first one the size of a sample is not certain, so it is also unknown for what comes later.
    assert unknown(chain) == [f"RandomTransform({name})" for name in (*names, "SharpeningTransform")]


def test_sizes_are_those_that_a_transform_gets() -> None:
    """Before sampling that of the initial patch, then that of the patch, and unknown after an unknown transform."""
    sharpen, sample = SharpeningTransform(0.5), SpatialTransform(**SPATIAL)
    for given, known in (
        ([TransposeAxesTransform({0, 1}), sample], [False, True]),
        ([sample, TransposeAxesTransform({0, 1})], [True, True]),
        ([sharpen, sample, Shifted(), sharpen], [True, True, False, False]),
        ([Shifted(), sample, sharpen], [False, True, True]),
        ([RandomTransform(Shifted(), 0.5), sharpen], [False, False]),
    ):
        chain = read_chain(ComposeTransforms(given), Geometry((6, 6), (9, 8)))
        assert [FALLBACK not in ours for _, ours in chain.mapping] == known


def test_an_unknown_transform_gives_what_stock_gives_from_the_same_seed() -> None:
    compose = ComposeTransforms([Shifted(), RemoveLabelTansform(-1, 0)])
    geometry = Geometry((6, 7), (6, 7))
    chain = read_chain(compose, geometry)
    draw = chain.draw(np.random.default_rng(1), 1)
    image, seg = torch.zeros((1, 6, 7)), torch.full((1, 6, 7), -1, dtype=torch.int8)
    before = np.random.get_state()[1].copy(), torch.random.get_rng_state()
    batch = chain.apply([image], [seg], [draw], device="cpu")
    assert np.array_equal(before[0], np.random.get_state()[1])
    assert torch.equal(before[1], torch.random.get_rng_state())
    np.random.seed(draw.draws[0].seed)
    torch.manual_seed(draw.draws[0].seed)
    assert torch.equal(batch.image[0], Shifted()(image=image)["image"])
    assert (batch.target == 0).all()


def test_only_samples_that_draw_an_unknown_transform_go_through_it() -> None:
    chain = read_chain(ComposeTransforms([RandomTransform(Shifted(), 0.5)]), Geometry((4, 4), (4, 4)))
    draws = [chain.draw(np.random.default_rng(seed), 1) for seed in range(8)]
    images = [torch.zeros((1, 4, 4))] * 8
    batch = chain.apply(images, [torch.zeros((1, 4, 4), dtype=torch.int8)] * 8, draws, device="cpu")
    changed = [bool(image.any()) for image in batch.image]
    assert changed == [draw.draws[0] is not None for draw in draws]
    assert 0 < sum(changed) < 8


def test_an_unknown_transform_before_sampling_sees_the_whole_initial_patch() -> None:
    compose = SMALL_3D.training()
    compose.transforms.insert(0, Shifted())
    chain = chain_of(SMALL_3D, compose)
    draw = chain.draw(np.random.default_rng(1), 2)
    assert chain.needed_box(draw) == whole(SMALL_3D.initial)
    batch = run(chain, [SMALL_3D.sample(1), SMALL_3D.sample(2)], [draw, draw])
    assert batch.image.shape == (2, 2, *SMALL_3D.patch)


SPATIAL: dict[str, Any] = {"patch_size": (6, 7), "patch_center_dist_from_border": 0, "random_crop": False}


@pytest.mark.parametrize(
    "options",
    [
        {"p_elastic_deform": 0.5},
        {"random_crop": True},
        {"border_mode_seg": "border"},
        {"padding_mode_image": "reflection"},
        {"seg_tiebreak": "lowest"},
        {"rotation": lambda image, dim: 0.1},
        {"align_corners": True},
    ],
    ids=lambda options: next(iter(options)),
)
def test_sampling_that_we_do_not_do_is_left_to_stock(options: dict[str, Any]) -> None:
    compose = ComposeTransforms([SpatialTransform(**(SPATIAL | options))])
    chain = read_chain(compose, Geometry((6, 7), (9, 9)))
    assert unknown(chain) == ["SpatialTransform"]
    draw = chain.draw(np.random.default_rng(1), 1)
    seg = torch.zeros((1, 9, 9), dtype=torch.int16)
    assert chain.apply([torch.zeros((1, 9, 9))], [seg], [draw], device="cpu").image.shape == (1, 1, 6, 7)


def test_subclasses_and_replaced_methods_are_not_taken_for_what_they_were() -> None:
    patched = MirrorTransform((0, 1))
    patched._apply_to_image = lambda img, **params: img  # type: ignore[method-assign]
    compose = ComposeTransforms([OwnMirror((0,)), patched, MirrorTransform((0,))])
    chain = read_chain(compose, Geometry((4, 4), (4, 4)))
    assert [ours for _, ours in chain.mapping] == [FALLBACK, FALLBACK, "mirror"]


def test_composes_inside_composes_and_choices_are_read() -> None:
    inner = ComposeTransforms([OneOfTransform([MirrorTransform((0,)), RandomTransform(Shifted(), 0.5)])])
    chain = read_chain(ComposeTransforms([inner]), Geometry((4, 4), (4, 4)))
    assert chain.mapping == (
        ("OneOfTransform(MirrorTransform, RandomTransform(Shifted))", f"one of: mirror, {FALLBACK} (p = 0.5)"),
    )


def test_something_else_than_a_compose_runs_as_it_is() -> None:
    class Own(BasicTransform):
        def apply(self, data_dict: dict[str, Any], **params: Any) -> dict[str, Any]:
            return {"image": data_dict["image"] + 1, "segmentation": data_dict["segmentation"]}

    chain = read_chain(Own(), Geometry((4, 4), (6, 6)))
    assert chain.mapping == (("Own", FALLBACK),)
    draw = chain.draw(np.random.default_rng(1), 1)
    assert chain.needed_box(draw) == whole((6, 6))
    assert read_chain(None, Geometry((4, 4), (4, 4))).mapping == ()


@pytest.mark.parametrize("version", ["0.3.1", "0.4.0", "none"])
def test_a_version_that_was_not_compared_is_refused_with_a_way_out(version: str) -> None:
    with pytest.raises(UntestedVersion, match=version) as refused:
        check_version(version)
    assert "loader" in refused.value.safe
    assert "--loader stock" in refused.value.next_step


def test_the_installed_version_is_one_that_was_compared() -> None:
    check_version()


def test_every_transform_is_in_use() -> None:
    """One that is not registered would be stock's on the CPU, and nothing would fail."""
    folder = Path(transforms.__file__).parent
    files = {file.relative_to(folder).as_posix() for file in folder.rglob("*.py") if "\nSTOCK = " in file.read_text()}
    modules = (*read.PLAIN, *read.BY_AXES, *read.BY_SIZE, read.spatial)
    used = {Path(str(module.__file__)).relative_to(folder).as_posix() for module in modules}
    assert files == used, "add it to PLAIN, BY_AXES or BY_SIZE in src/holter/transforms/read.py"
