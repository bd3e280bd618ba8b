"""Each transform of the image alone against stock, fed the same draw; small and large channels take different ways."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from batchgeneratorsv2.transforms.intensity.brightness import (
    BrightnessAdditiveTransform,
    MultiplicativeBrightnessTransform,
)
from batchgeneratorsv2.transforms.intensity.contrast import BGContrast, ContrastTransform
from batchgeneratorsv2.transforms.intensity.gamma import GammaTransform
from batchgeneratorsv2.transforms.intensity.gaussian_noise import GaussianNoiseTransform
from batchgeneratorsv2.transforms.local.brightness_gradient import BrightnessGradientAdditiveTransform
from batchgeneratorsv2.transforms.local.local_gamma import LocalGammaTransform
from batchgeneratorsv2.transforms.noise.blank_rectangle import BlankRectangleTransform
from batchgeneratorsv2.transforms.noise.gaussian_blur import GaussianBlurTransform, _build_kernel, _compute_kernel_size
from batchgeneratorsv2.transforms.noise.median_filter import MedianFilterTransform
from batchgeneratorsv2.transforms.noise.sharpen import SharpeningTransform
from batchgeneratorsv2.transforms.spatial.low_resolution import SimulateLowResolutionTransform
from hypothesis import given
from hypothesis import strategies as st
from nnunetv2.training.nnUNetTrainer.variants import data_augmentation

from holter.trainer.auto.replay import feed
from holter.transforms import (
    added_brightness,
    blur,
    brightness,
    contrast,
    gamma,
    low_resolution,
    median,
    noise,
    sharpen,
)
from holter.transforms import read as registry
from holter.transforms.batch_state import Applied, BatchState, ChannelIndex, change_rows
from holter.transforms.local import gradient, known_function, local_gamma, rectangles
from holter.transforms.scalar import Constant
from transforms.material import noisy_image

SIZES = [(33, 32, 35), (9, 10, 11), (2, 7, 1), (200, 180), (12, 9)]
FACTORS = BGContrast((0.75, 1.25))

da5 = importlib.import_module(f"{data_augmentation.__name__}.nnUNetTrainerDA5")
WIDTH = da5._brightnessadditive_localgamma_transform_scale
RECTANGLES = {"rectangle_size": [(1, 3)] * 3, "num_rectangles": (1, 5), "p_per_channel": 0.8}

Case = tuple[ModuleType, Callable[[], Any]]
CASES: dict[str, Case] = {
    "noise": (noise, lambda: GaussianNoiseTransform((0, 0.1), 1, True)),
    "noise a channel": (noise, lambda: GaussianNoiseTransform((0, 0.1), 0.5, False)),
    "brightness": (brightness, lambda: MultiplicativeBrightnessTransform(FACTORS, False, 0.7)),
    "contrast": (contrast, lambda: ContrastTransform(FACTORS, True, False, 1)),
    "contrast beyond its range": (contrast, lambda: ContrastTransform(FACTORS.sample_contrast, False, True, 1)),
    "gamma": (gamma, lambda: GammaTransform(BGContrast((0.7, 1.5)), 0, False, 1, 1)),
    "gamma inverted": (gamma, lambda: GammaTransform(BGContrast((0.7, 1.5)), 1, False, 1, 1)),
    "gamma of any kind": (gamma, lambda: GammaTransform((0.7, 1.5), 0.5, True, 0.9, 0.5)),
    "blur": (blur, lambda: GaussianBlurTransform((0.5, 1.0), False, False, 0.8)),
    "wide blur": (blur, lambda: GaussianBlurTransform((0.3, 1.5), False, True, 0.8)),
    "median": (median, lambda: MedianFilterTransform((2, 8), 0.0, 0.8)),
    "median of one size": (median, lambda: MedianFilterTransform(3, 0.0, 0.8)),
    "low resolution": (low_resolution, lambda: SimulateLowResolutionTransform((0.5, 1), False, True, None, None, 0.8)),
    "low resolution in slices": (
        low_resolution,
        lambda: SimulateLowResolutionTransform((0.5, 1), False, False, (0,), None, 0.8),
    ),
    "added brightness": (added_brightness, lambda: BrightnessAdditiveTransform(0, 0.5, False, 0.8)),
    "added brightness for all": (added_brightness, lambda: BrightnessAdditiveTransform(0.1, 0.5, True, 0.8)),
    "sharpen": (sharpen, lambda: SharpeningTransform((0.1, 1), 0, 0.8)),
    "sharpen within its range": (sharpen, lambda: SharpeningTransform(0.7, 1, 0.8, 1)),
    "gradient": (
        gradient,
        lambda: BrightnessGradientAdditiveTransform(
            WIDTH, (-0.5, 1.5), da5._brightness_gradient_additive_max_strength, False, False, False, 0.8
        ),
    ),
    "gradient for all": (
        gradient,
        lambda: BrightnessGradientAdditiveTransform((60, 90), (-0.5, 1.5), (0.5, 2), True, False, False, 0.8),
    ),
    "local gamma": (
        local_gamma,
        lambda: LocalGammaTransform(WIDTH, (-0.5, 1.5), da5._local_gamma_gamma, False, 0.8),
    ),
    "local gamma for all": (local_gamma, lambda: LocalGammaTransform(5.0, (0, 1), (0.5, 1), True, 0.8)),
    "rectangles": (rectangles, lambda: BlankRectangleTransform(rectangle_value=torch.mean, **RECTANGLES)),
    "squares": (rectangles, lambda: BlankRectangleTransform(rectangle_value=2, force_square=True, **RECTANGLES)),
    "one square": (rectangles, lambda: BlankRectangleTransform(1, -3.0, 1)),
}


def read(module: ModuleType, stock: Any, size: tuple[int, ...]) -> Any:
    if module in registry.BY_SIZE:
        return module.read(stock, size)
    return module.read(stock, len(size)) if module in registry.BY_AXES else module.read(stock)


SENSITIVE = ("blur", "resolution", "sharpen", "squares", "rectangles", "gradient", "local gamma")


def fits(name: str, size: tuple[int, ...]) -> bool:
    """Stock itself fails where an axis is shorter than its kernel or rectangle, or would vanish."""
    return min(size) > 4 or not any(word in name for word in SENSITIVE)


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", CASES)
def test_an_intensity_transform_equals_stock(name: str, size: tuple[int, ...]) -> None:
    if not fits(name, size):
        pytest.skip("stock raises an error here")
    module, make = CASES[name]
    stock = make()
    step = read(module, stock, size)
    rng = np.random.default_rng(1)
    work = BatchState(torch.stack([noisy_image(size, 4, slot) for slot in range(3)]), None)
    before = work.image.clone()
    draws = [step.draw(rng, 4) for _ in range(3)]
    draws[1] = None
    step.apply(work, [Applied(slot, draw) for slot, draw in enumerate(draws) if draw is not None])
    for slot, draw in enumerate(draws):
        theirs = feed(stock, draw, {"image": before[slot].clone()})["image"]
        assert (work.image[slot] - theirs).abs().max() <= 1e-4 * theirs.abs().max()
        if draw is None:
            assert torch.equal(work.image[slot], before[slot])
        else:
            assert not torch.equal(work.image[slot], before[slot])


@given(st.floats(0.05, 3.0))
def test_the_kernel_of_a_blur_is_that_of_stock(sigma: float) -> None:
    assert blur.kernel_size(sigma) == _compute_kernel_size(sigma, truncate=6)
    half = blur.half_kernel(sigma)
    np.testing.assert_allclose([*half[:0:-1], *half], _build_kernel(sigma, truncate=6).numpy(), atol=1e-6)


@pytest.mark.parametrize("size", [(1, 8, 8), (3, 2, 8), (1, 1)])
def test_short_axes_are_blurred_without_an_error(size: tuple[int, ...]) -> None:
    image = noisy_image(size, 1, 1)
    blurred = image.clone()
    blur.blur(blurred[0], (0.9,) * len(size), 3)
    assert blurred.isfinite().all()
    assert blurred.min() >= image.min() - 1e-6
    assert blurred.max() <= image.max() + 1e-6


def test_an_axis_of_one_voxel_keeps_it_at_low_resolution() -> None:
    image = noisy_image((1, 8), 1, 1)
    low_resolution.coarsen(image[0], (0.3, 0.5))
    assert image.shape == (1, 1, 8)


def test_a_constant_channel_stays_what_it_is() -> None:
    image = torch.full((2, 4, 5, 6), 3.0)
    contrast.Contrast(Constant(1.2), 1, False, keep_range=True).change(image[0].view(1, -1), 1.2)
    gamma.raise_to(image[1].view(1, -1), 1.4, inverted=True, kept=True)
    torch.testing.assert_close(image, torch.full((2, 4, 5, 6), 3.0))


def test_noise_is_the_same_for_the_same_seed_only() -> None:
    cpu = torch.device("cpu")
    first, again, other = (noise.field(seed, (2, 5, 5), cpu) for seed in (7, 7, 8))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_function_for_a_parameter_is_left_to_stock() -> None:
    assert noise.read(GaussianNoiseTransform(lambda image: 0.1)) is None
    assert gamma.read(GammaTransform(lambda image, channel: 1.0, 0, False, 1, 1)) is None
    assert contrast.read(ContrastTransform(BGContrast(lambda: 1.0), True, False)) is None


@pytest.mark.parametrize("size", [(4, 5), (200, 180)])
def test_a_change_without_a_number_reaches_its_channels_and_no_other(size: tuple[int, ...]) -> None:
    image = torch.ones((2, 2, *size))
    change_rows(image, [ChannelIndex(0, 1), ChannelIndex(1, 0)], [], lambda x: x.neg_())
    assert image.flatten(2)[:, :, 0].tolist() == [[1, -1], [-1, 1]]


# --- functions and numbers that only stock can deal with --------------------------------------------------------------


def test_a_function_of_nnunet_is_known_by_its_text_and_not_by_its_name() -> None:
    def renamed() -> float:
        return np.random.uniform(0.01, 0.8) if np.random.uniform() < 0.5 else np.random.uniform(1.5, 4)

    def _local_gamma_gamma() -> float:
        return np.random.uniform(0.01, 0.9) if np.random.uniform() < 0.5 else np.random.uniform(1.5, 4)

    assert known_function.is_known(da5._local_gamma_gamma, known_function.GAMMA)
    assert known_function.is_known(renamed, known_function.GAMMA)
    assert not known_function.is_known(_local_gamma_gamma, known_function.GAMMA)
    for other in (np.mean, len, 3, None, lambda: 1.0, torch.mean):
        assert not known_function.is_known(other, known_function.GAMMA)


def test_another_numpy_makes_another_function() -> None:
    namespace = {"np": np.random}
    exec(known_function.GAMMA, namespace)
    assert not known_function.is_known(namespace["_local_gamma_gamma"], known_function.GAMMA)


SIZE = (9, 10, 11)
LEFT_TO_STOCK: dict[str, Case] = {
    "centred gradient": (gradient, lambda: BrightnessGradientAdditiveTransform((3, 20), (-1, 2), 1.0, True, True)),
    "clipped gradient": (
        gradient,
        lambda: BrightnessGradientAdditiveTransform((3, 20), (-1, 2), 1.0, True, False, True),
    ),
    "unknown strength": (
        gradient,
        lambda: BrightnessGradientAdditiveTransform((3, 20), (-1, 2), lambda image, kernel: 1.0, True, False),
    ),
    "far away": (local_gamma, lambda: LocalGammaTransform((1.0, 2.0), (-5, 2))),
    "no width": (local_gamma, lambda: LocalGammaTransform((0, 5))),
    "unknown exponent": (local_gamma, lambda: LocalGammaTransform((1, 5), (-1, 2), lambda: 1.0)),
    "drawn value": (rectangles, lambda: BlankRectangleTransform(2, (0.0, 1.0), 1)),
    "unknown value": (rectangles, lambda: BlankRectangleTransform(2, torch.amax, 1)),
    "larger than the image": (rectangles, lambda: BlankRectangleTransform((9, 11, 11), 0, 1)),
    "an axis too few": (rectangles, lambda: BlankRectangleTransform(((1, 2), (1, 2)), 0, 1)),
    "no count": (rectangles, lambda: BlankRectangleTransform(2, 0, (3, 3))),
    "strength of another type": (sharpen, lambda: SharpeningTransform(1)),
    "backwards": (sharpen, lambda: SharpeningTransform((1.0, 0.1))),
    "negative deviation": (added_brightness, lambda: BrightnessAdditiveTransform(0, -1, False)),
    "no range": (added_brightness, lambda: BrightnessAdditiveTransform(1, 0.5, True)),
}


@pytest.mark.parametrize("name", LEFT_TO_STOCK)
def test_what_is_not_read_is_left_to_stock(name: str) -> None:
    module, make = LEFT_TO_STOCK[name]
    assert read(module, make(), SIZE) is None


def test_a_short_axis_leaves_what_stock_cannot_do_to_stock() -> None:
    assert gradient.read(CASES["gradient"][1](), (5, 9, 9)) is None
    assert sharpen.read(SharpeningTransform(0.5), (9, 1)) is None
    assert sharpen.read(SharpeningTransform(0.5), (1, 9, 9)) is not None
