"""Each transform of the image alone against stock, fed the same draw; small and large channels take different ways."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from batchgeneratorsv2.transforms.intensity.brightness import MultiplicativeBrightnessTransform
from batchgeneratorsv2.transforms.intensity.contrast import BGContrast, ContrastTransform
from batchgeneratorsv2.transforms.intensity.gamma import GammaTransform
from batchgeneratorsv2.transforms.intensity.gaussian_noise import GaussianNoiseTransform
from batchgeneratorsv2.transforms.noise.gaussian_blur import GaussianBlurTransform, _build_kernel, _compute_kernel_size
from batchgeneratorsv2.transforms.noise.median_filter import MedianFilterTransform
from batchgeneratorsv2.transforms.spatial.low_resolution import SimulateLowResolutionTransform
from hypothesis import given
from hypothesis import strategies as st

from holter.trainer.auto.replay import feed
from holter.transforms import blur, brightness, contrast, gamma, low_resolution, median, noise
from holter.transforms.batch_state import Applied, BatchState, ChannelIndex, change_rows
from transforms.material import noisy_image

SIZES = [(33, 32, 35), (9, 10, 11), (2, 7, 1), (200, 180), (12, 9)]
FACTORS = BGContrast((0.75, 1.25))

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
}


def read(module: ModuleType, stock: Any, axes: int) -> Any:
    return module.read(stock, axes) if module in (blur, low_resolution) else module.read(stock)


def fits(name: str, size: tuple[int, ...]) -> bool:
    """Stock itself fails where an axis is shorter than its kernel, or would vanish."""
    return min(size) > 4 or not ("blur" in name or "resolution" in name)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", CASES)
def test_an_intensity_transform_equals_stock(name: str, size: tuple[int, ...]) -> None:
    if not fits(name, size):
        pytest.skip("stock raises an error here")
    module, make = CASES[name]
    stock = make()
    step = read(module, stock, len(size))
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
    contrast.stretch(image[0].view(1, -1), 1.2, keep_range=True)
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
