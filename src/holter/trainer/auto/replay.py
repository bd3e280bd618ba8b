"""Apply batchgeneratorsv2's own transforms with draws that Holter made, as a reference."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
import torch
from batchgeneratorsv2.transforms.nnunet import random_binary_operator
from batchgeneratorsv2.transforms.spatial.spatial import SpatialTransform

from holter.transforms import noise
from holter.transforms.batch_state import NoDraw
from holter.transforms.local.bump import Bump

Sample = dict[str, Any]
FOLDING = ("Convert3DTo2DTransform", "Convert2DTo3DTransform")  # part of dummy 2D's spatial transform


def feed(transform: Any, draw: Any, sample: Sample) -> Sample:
    """Return the sample after one of stock's transforms, done with Holter's draw; None as draw: not applied."""
    if type(transform).__name__ == "RandomTransform":
        return sample if draw is None else feed(transform.transform, draw, sample)
    name = type(transform).__name__
    if name in SPECIAL:
        return SPECIAL[name](transform, draw, sample)
    if isinstance(draw, NoDraw) or name in FOLDING:
        return dict(transform(**sample))
    if draw is None:
        return sample
    if name not in PARAMETERS:
        raise LookupError(f"{name}: add to PARAMETERS how stock is given our draw")
    return dict(transform.apply(sample, **PARAMETERS[name](draw, sample["image"])))


def spatial_parameters(transform: SpatialTransform, draw: Any, image: torch.Tensor) -> dict[str, Any]:
    """Return stock's own sampling grid for the drawn angles and factors."""

    def angle(image: Any, dim: int) -> float:  # noqa: ARG001 - stock names its arguments
        return float(draw.angles[dim])

    def scale(image: Any, dim: int) -> float:  # noqa: ARG001 - stock names its arguments
        return float(draw.scales[dim])

    fed = SpatialTransform(
        transform.patch_size, 0, random_crop=False,
        p_rotation=float(draw.angles is not None), rotation=angle,
        p_scaling=float(draw.scales is not None), scaling=scale,
    )  # fmt: skip
    return dict(fed.get_parameters(image=image))


def _spatial(transform: Any, draw: Any, sample: Sample) -> Sample:
    return dict(transform.apply(sample, **spatial_parameters(transform, draw, sample["image"])))


def _components(transform: Any, draw: Any, sample: Sample) -> Sample:
    # Stock chooses while it applies; here it is given what to choose.
    if draw is None:
        return sample
    channels = len(sample["image"])
    for channel, choice, receiver in zip(draw.channels, draw.choices, draw.receivers, strict=True):
        answers = iter([choice, receiver])

        def choose(given: list[int], answers: Any = answers) -> int:
            answer = next(answers)
            return answer - channels if isinstance(answer, int) else given[int(answer * len(given))]

        keeps = 1.0 if receiver is None else -1.0
        uniform = mock.patch.object(np.random, "uniform", lambda keeps=keeps: keeps)
        with mock.patch.object(np.random, "choice", choose), uniform:
            sample = transform.apply(sample, apply_to_channels=[channel - channels])
    return sample


def _operators(transform: Any, draw: Any, sample: Sample) -> Sample:
    if draw is None:
        return sample
    done: Sample = transform.apply(
        sample,
        apply_to_channels=[channel - len(sample["image"]) for channel in draw.channels],
        operators=[getattr(random_binary_operator, name) for name in draw.operators],
        strel_size=list(draw.radii),
    )
    return done


def _noise(transform: Any, draw: Any, sample: Sample) -> Sample:
    # With the numbers of our field instead of torch's.
    if draw is None:
        return sample

    def normal_(into: torch.Tensor, mean: float = 0.0, std: float = 1.0) -> torch.Tensor:
        return into.copy_(noise.field(draw.seed, tuple(into.shape), into.device)).mul_(std).add_(mean)

    with mock.patch.object(torch.Tensor, "normal_", normal_):
        return with_own_noise(transform, draw, sample)


def with_own_noise(transform: Any, draw: Any, sample: Sample) -> Sample:
    """Return the sample with stock's own noise, whose standard deviations are the drawn ones."""
    hit = torch.zeros(len(sample["image"]), dtype=torch.bool)
    hit[list(draw.channels)] = True
    sigmas = draw.sigmas[0] if transform.synchronize_channels else list(draw.sigmas)
    index = hit.nonzero().flatten()
    return dict(transform.apply(sample, apply_mask=hit, apply_idx=index, num_apply=len(index), sigmas=sigmas))


def _gradient(transform: Any, draw: Any, sample: Sample) -> Sample:
    if draw is None:
        return sample
    kernels: list[Any] = [None] * len(sample["image"])
    for channel, bump, strength in zip(draw.channels, draw.bumps, draw.numbers, strict=True):
        kernel = stock_bump(transform, bump, sample["image"])
        kernels[channel] = kernel / max(np.abs(kernel).max(), 1e-8) * np.float32(strength)
    return dict(transform.apply(sample, kernels=kernels))


def _local_gamma(transform: Any, draw: Any, sample: Sample) -> Sample:
    if draw is None:
        return sample
    kernels: list[Any] = [None] * len(sample["image"])
    exponents: list[Any] = [None] * len(sample["image"])
    for channel, bump, exponent in zip(draw.channels, draw.bumps, draw.numbers, strict=True):
        kernels[channel], exponents[channel] = stock_bump(transform, bump, sample["image"]), exponent
    return dict(transform.apply(sample, kernels=kernels, gammas=exponents))


def stock_bump(transform: Any, bump: Bump, image: torch.Tensor) -> Any:
    """Return stock's own bump with the drawn centre and widths, for one channel of the image (C, *spatial)."""
    fed = copy.copy(transform)
    fed.loc = lambda shape, axis: bump.centres[axis] / shape[axis]
    fed.scale = lambda shape, axis: bump.widths[axis]  # noqa: ARG005 -- stock's own call
    return fed._generate_kernel(tuple(image.shape[1:]))


def _factors(draw: Any, _: torch.Tensor) -> dict[str, Any]:
    return {"apply_to_channel": torch.tensor(draw.channels), "multipliers": torch.tensor(draw.factors)}


def _gamma(draw: Any, _: torch.Tensor) -> dict[str, Any]:
    return {
        "apply_to_channel": torch.tensor(draw.channels),
        "gamma": torch.tensor(draw.exponents),
        "invert_image": torch.tensor(draw.inverted),
        "retain_stats": torch.tensor(draw.kept),
    }


def _blur(draw: Any, image: torch.Tensor) -> dict[str, Any]:
    hit = torch.zeros(len(image), dtype=torch.bool)
    hit[list(draw.channels)] = True
    return {"apply_to_channel": hit, "sigmas": [list(sigmas) for sigmas in draw.sigmas]}


def _low_resolution(draw: Any, _: torch.Tensor) -> dict[str, Any]:
    return {"apply_to_channel": torch.tensor(draw.channels), "scales": torch.tensor(draw.factors)}


def _mirror(draw: Any, _: torch.Tensor) -> dict[str, Any]:
    return {"axes": list(draw.axes)}


def _added(draw: Any, image: torch.Tensor) -> dict[str, Any]:
    added = torch.zeros(len(image))
    added[list(draw.channels)] = torch.tensor(draw.factors)
    return {"apply_to_channel": torch.tensor(draw.channels), "shift": added}


def _rectangles(draw: Any, image: torch.Tensor) -> dict[str, Any]:
    boxes = dict(zip(draw.channels, draw.rectangles, strict=True))
    return {
        "apply_channel": [channel in boxes for channel in range(len(image))],
        "rectangles": [
            [(lower, [first + side for first, side in zip(lower, size, strict=True)]) for lower, size in
             boxes.get(channel, ())] for channel in range(len(image))
        ],
    }  # fmt: skip


def _sharpen(draw: Any, image: torch.Tensor) -> dict[str, Any]:
    drawn = {hit: values for hit, *values in zip(draw.channels, draw.strengths, draw.kept, strict=True)}
    each = [drawn.get(channel, (0.0, False)) for channel in range(len(image))]
    return {
        "apply_channel": [channel in drawn for channel in range(len(image))],
        "strengths": [strength for strength, _ in each],
        "clamp_intensities": [kept for _, kept in each],
    }


def _rot90(draw: Any, _: torch.Tensor) -> dict[str, Any]:
    return {
        "num_rot_per_combination": [turn.quarters for turn in draw.turns],
        "axis_combinations": [[turn.first + 1, turn.second + 1] for turn in draw.turns],
    }


def _transpose(draw: Any, _: torch.Tensor) -> dict[str, Any]:
    return {"axis_order": [0, *(axis + 1 for axis in draw.axes)]}


def _median(draw: Any, image: torch.Tensor) -> dict[str, Any]:
    sizes = dict(zip(draw.channels, draw.sizes, strict=True))
    return {
        "filter_sizes": [sizes.get(channel, 1) for channel in range(len(image))],
        "apply_channel": [channel in sizes for channel in range(len(image))],
    }


SPECIAL: dict[str, Callable[[Any, Any, Sample], Sample]] = {
    "SpatialTransform": _spatial,
    "GaussianNoiseTransform": _noise,
    "ApplyRandomBinaryOperatorTransform": _operators,
    "RemoveRandomConnectedComponentFromOneHotEncodingTransform": _components,
    "BrightnessGradientAdditiveTransform": _gradient,
    "LocalGammaTransform": _local_gamma,
}
PARAMETERS: dict[str, Callable[[Any, torch.Tensor], dict[str, Any]]] = {
    "GaussianBlurTransform": _blur,
    "MultiplicativeBrightnessTransform": _factors,
    "ContrastTransform": _factors,
    "SimulateLowResolutionTransform": _low_resolution,
    "GammaTransform": _gamma,
    "MedianFilterTransform": _median,
    "MirrorTransform": _mirror,
    "BrightnessAdditiveTransform": _added,
    "BlankRectangleTransform": _rectangles,
    "SharpeningTransform": _sharpen,
    "Rot90Transform": _rot90,
    "TransposeAxesTransform": _transpose,
}
