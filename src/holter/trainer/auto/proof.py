"""Prove on one sample of the user's data that Holter's transforms give the same result as the trainer's own.

This happens before the training. Every transform is applied (probability 1), to a sample that has all labels of the
data set. batchgeneratorsv2's own objects get the same draws. Segmentations must be equal bit by bit, images up to
rounding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from holter.records import Message
from holter.trainer.auto.replay import Sample, feed, with_own_noise
from holter.trainer.sentences import CANNOT_TRY, DIFFERENT, DIFFERENT_AT_ALL
from holter.transforms import Chain, SampleDraw
from holter.transforms.batch_state import Applied, BatchState, Step
from holter.transforms.fallback import Fallback, seeded
from holter.transforms.local.local_gamma import LocalGamma
from holter.transforms.noise import Noise
from holter.transforms.random_apply import OneOf, RandomApply
from holter.transforms.scalar import Uniform
from holter.transforms.spatial.spatial import Spatial

# Of the largest value of the image: what float32 leaves of a dozen steps in another order.
MOST_APART = 1e-3
# The first with the trainer's own probabilities, so that a plain crop is among them; OneOf needs several.
ROUNDS = 4
# A field of noise has other numbers than stock's, so its mean and deviation are compared, in standard errors.
MOST_STANDARD_ERRORS = 6.0
LEAST_EXPONENT = 0.5  # of a local gamma
PLANTED_SHARE = 8  # a label that is not in the sample gets a block of an eighth of each side


def why_different(
    compose: Any, chain: Chain, image: Tensor, seg: Tensor, labels: Iterable[int], rng: np.random.Generator
) -> Message | None:
    """Return a sentence that names the first transform that differs from stock's on this sample; None if none does.

    Shapes:  image (C, *initial patch) float32, seg (S, *initial patch) int16; not changed.
    """
    seg = with_all_labels(seg, labels, rng)
    for number in range(ROUNDS):
        tried = steady(chain) if number == 0 else forced(chain)
        draw = tried.draw(rng, len(image))
        sample: Sample = {"image": image.clone(), "segmentation": seg.clone()}
        for name, step, stock, drawn in _steps(compose, tried, draw):
            try:
                ours, theirs = _both(step, stock, drawn, sample)
            except (LookupError, ValueError, TypeError, RuntimeError) as error:
                return CANNOT_TRY(name=name, error=f"{type(error).__name__}: {error}")
            if not equal(ours, theirs):
                return DIFFERENT(name=name)
            sample = theirs
        batch = tried.apply([_part(image, tried, draw)], [_part(seg, tried, draw)], [draw], device="cpu")
        target = [level[0] for level in batch.target] if isinstance(batch.target, list) else batch.target[0]
        if not equal({"image": batch.image[0], "segmentation": target}, sample):
            return DIFFERENT_AT_ALL()
    return None


def forced(chain: Chain) -> Chain:
    """Return the chain with each transform applied to every sample, rotation and scaling included."""
    return Chain(chain.geometry, tuple(_always(step) for step in steady(chain).steps), chain.mapping)


def steady(chain: Chain) -> Chain:
    """Return the chain without exponents near 0, which make a visible step of the last digit of a flat region.

    In such a region no two orders of summation agree then, stock's own on two processors included.
    """
    return Chain(chain.geometry, tuple(_steady(step) for step in chain.steps), chain.mapping)


def with_all_labels(seg: Tensor, labels: Iterable[int], rng: np.random.Generator) -> Tensor:
    """Return a copy in which each label occurs; missing labels are written into it as blocks."""
    seg = seg.clone()
    size = np.array(seg.shape[1:])
    block = np.maximum(1, size // PLANTED_SHARE)
    for channel in seg:
        for label in sorted(set(labels) - set(channel.unique().tolist())):
            start = [
                int(rng.integers(low, high + 1)) for low, high in zip(size // 4, (3 * size) // 4 - block, strict=True)
            ]
            channel[tuple(slice(at, at + length) for at, length in zip(start, block, strict=True))] = label
    return seg


def equal(ours: Sample, theirs: Sample) -> bool:
    """Return whether segmentations are equal bit by bit, and images up to rounding."""
    levels = [each if isinstance(each, list) else [each] for each in (ours["segmentation"], theirs["segmentation"])]
    same = len(levels[0]) == len(levels[1]) and all(
        ours.shape == other.shape and torch.equal(ours.to(other.dtype), other)
        for ours, other in zip(*levels, strict=True)
    )
    image, other = ours["image"], theirs["image"]
    if not same or image.shape != other.shape or not bool(torch.isfinite(image).all()):
        return False
    return bool((image - other).abs().max() <= MOST_APART * other.abs().max().clamp(min=1e-6))


def _steady(step: Step) -> Step:
    if isinstance(step, RandomApply):
        return RandomApply(_steady(step.step), step.probability)
    return replace(step, number=Uniform(LEAST_EXPONENT, 4.0)) if isinstance(step, LocalGamma) else step


def _always(step: Step) -> Step:
    if isinstance(step, RandomApply):
        return RandomApply(step.step, 1.0)
    return replace(step, p_rotation=1.0, p_scaling=1.0) if isinstance(step, Spatial) else step


def _steps(compose: Any, chain: Chain, draw: SampleDraw) -> Iterator[tuple[str, Step, list[Any], Any]]:
    # Each step with stock's transforms that it replaces.
    transforms = iter(_flat(compose))
    for (name, _), step, drawn in zip(chain.mapping, chain.steps, draw.draws, strict=True):
        yield name, step, [next(transforms) for _ in name.split(" > ")], drawn


def _flat(compose: Any) -> Iterator[Any]:
    for transform in compose.transforms:
        if hasattr(transform, "transforms"):
            yield from _flat(transform)
        else:
            yield transform


def _both(step: Step, stock: list[Any], draw: Any, sample: Sample) -> tuple[Sample, Sample]:
    # Our result and stock's for the same sample and draw.
    ours = _ours(step, draw, sample)
    if draw is None:
        return ours, sample
    while len(stock) == 1 and isinstance(step, (RandomApply, OneOf)):
        if isinstance(step, RandomApply):
            step, stock = step.step, [stock[0].transform]
        else:
            step, stock, draw = step.steps[draw.step], [stock[0].list_of_transforms[draw.step]], draw.draw
    if isinstance(step, Fallback):
        return ours, ours  # it is stock
    if isinstance(step, Noise):
        _check_noise(stock[0], draw, sample["image"])
        return ours, ours
    theirs: Sample = {"image": sample["image"].clone(), "segmentation": _copy(sample["segmentation"])}
    for transform in stock:
        theirs = feed(transform, draw, theirs)
    return ours, theirs


def _ours(step: Step, draw: Any, sample: Sample) -> Sample:
    if draw is None:
        return sample
    work = BatchState(_own(sample["image"][None]), _batched(sample["segmentation"]))
    with torch.no_grad():
        step.apply(work, [Applied(0, draw)])
    seg = [level[0] for level in work.seg] if isinstance(work.seg, list) else work.seg[0]
    return {"image": work.image[0], "segmentation": seg}


def _check_noise(stock: Any, draw: Any, image: Tensor) -> None:
    # Raises ValueError if stock's field has not the drawn deviation.
    with seeded(draw.seed % 2**32):
        done = with_own_noise(stock, draw, {"image": torch.zeros_like(image), "segmentation": torch.zeros(1)})["image"]
    for channel, sigma in zip(draw.channels, draw.sigmas, strict=True):
        field = done[channel]
        error = MOST_STANDARD_ERRORS / np.sqrt(field.numel())
        if abs(float(field.mean())) > error * sigma or abs(float(field.std()) / sigma - 1) > error:
            raise ValueError(f"deviation {float(field.std()):.4g} instead of {sigma:.4g}")


def _part(tensor: Tensor, chain: Chain, draw: SampleDraw) -> Tensor:
    # What a reader would give: the needed box.
    box = chain.needed_box(draw)
    return tensor[(slice(None), *(slice(*ends) for ends in zip(box.lower, box.upper, strict=True)))].clone()


def _batched(seg: Any) -> Any:
    return [_own(level[None]) for level in seg] if isinstance(seg, list) else _own(seg[None])


def _own(tensor: Tensor) -> Tensor:
    # A copy, contiguous as that of a chain: stock's may have its axes in another order.
    return tensor.clone(memory_format=torch.contiguous_format)


def _copy(seg: Any) -> Any:
    return [level.clone() for level in seg] if isinstance(seg, list) else seg.clone()
