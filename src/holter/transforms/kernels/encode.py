"""Translate the draws of a chain's steps into the numbers that the compiled kernels read.

Each step becomes its kind and some numbers: ``LENGTH_OF`` of ``api.h`` has their count. That is all the work that is
done in Python for a sample.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from holter.transforms.added_brightness import AddedBrightness
from holter.transforms.blur import Blur
from holter.transforms.brightness import Brightness
from holter.transforms.contrast import Contrast
from holter.transforms.gamma import Gamma
from holter.transforms.kernels import encode_labels
from holter.transforms.kernels.kinds import (
    ADD,
    BLUR,
    COARSEN,
    CONTRAST,
    GAMMA,
    GRADIENT,
    LOCAL_GAMMA,
    MEDIAN,
    MIRROR,
    MULTIPLY,
    NOISE,
    PLACE,
    RECTANGLE,
    REORDER,
    SHARPEN,
    Encode,
    Numbers,
)
from holter.transforms.labels.binary_operator import BinaryOperator
from holter.transforms.labels.mask import Mask
from holter.transforms.labels.one_hot import OneHot
from holter.transforms.labels.remove_component import RemoveComponent
from holter.transforms.labels.remove_label import RemoveLabel
from holter.transforms.local.gradient import Gradient
from holter.transforms.local.local_gamma import LocalGamma
from holter.transforms.local.rectangles import Rectangles
from holter.transforms.low_resolution import LowResolution
from holter.transforms.median import Median
from holter.transforms.mirror import Mirror
from holter.transforms.noise import Noise
from holter.transforms.random_apply import OneOf, RandomApply
from holter.transforms.scalar import upper_end
from holter.transforms.sharpen import Sharpen
from holter.transforms.spatial.rot90 import Rot90
from holter.transforms.spatial.spatial import Spatial
from holter.transforms.spatial.transpose import Transpose

MOST_SIDE = 16  # of a median's window
MOST_SIGMA = 20.0  # a radius of 60 voxels, of 64 that a kernel may have
WORD = 2**32 - 1
STAY = (PLACE, 0.0, *[0.0] * 9)


def encoder_of(step: Any, axes: int) -> Encode | None:
    """Return the function that adds a step's draw to a list of numbers; None if the kernels do not have the step."""
    reader = ENCODERS.get(type(step))
    return None if reader is None else reader(step, axes)


def _spatial(step: Spatial, axes: int) -> Encode | None:
    if step.folded is not (len(step.patch) < axes):
        return None

    def encode(draw: Any, to: Numbers) -> None:
        affine = step.affine(draw)
        if affine is None:
            to.extend(STAY)
        elif len(affine) == 3:
            to.extend((PLACE, 1.0, *affine[0], *affine[1], *affine[2]))
        else:
            to.extend((PLACE, 1.0, 1.0, 0.0, 0.0, 0.0, *affine[0], 0.0, *affine[1]))

    return encode


def _factor(step: Brightness | AddedBrightness, axes: int) -> Encode:  # noqa: ARG001 -- one signature for all
    kind = MULTIPLY if isinstance(step, Brightness) else ADD

    def encode(draw: Any, to: Numbers) -> None:
        for channel, factor in zip(draw.channels, draw.factors, strict=True):
            to.extend((kind, channel, factor))

    return encode


def _contrast(step: Contrast, axes: int) -> Encode:  # noqa: ARG001
    def encode(draw: Any, to: Numbers) -> None:
        for channel, factor in zip(draw.channels, draw.factors, strict=True):
            to.extend((CONTRAST, channel, factor, step.keep_range))

    return encode


def _gamma(step: Gamma, axes: int) -> Encode:  # noqa: ARG001
    def encode(draw: Any, to: Numbers) -> None:
        for channel, *numbers in zip(draw.channels, draw.exponents, draw.inverted, draw.kept, strict=True):
            to.extend((GAMMA, channel, *numbers))

    return encode


def _noise(step: Noise, axes: int) -> Encode:  # noqa: ARG001
    def encode(draw: Any, to: Numbers) -> None:
        for number, (channel, sigma) in enumerate(zip(draw.channels, draw.sigmas, strict=True)):
            to.extend((NOISE, channel, sigma, draw.seed & WORD, draw.seed >> 32, number))

    return encode


def _blur(step: Blur, axes: int) -> Encode | None:
    if upper_end(step.sigma) > MOST_SIGMA or step.axes != axes:
        return None
    return _along_axes(BLUR, "sigmas", axes)


def _low_resolution(step: LowResolution, axes: int) -> Encode | None:
    return None if step.axes != axes else _along_axes(COARSEN, "factors", axes)


def _along_axes(kind: int, name: str, axes: int) -> Encode:
    before = (1.0,) * (3 - axes)

    def encode(draw: Any, to: Numbers) -> None:
        for channel, numbers in zip(draw.channels, getattr(draw, name), strict=True):
            to.extend((kind, channel, *before, *numbers))

    return encode


def _median(step: Median, axes: int) -> Encode | None:
    if step.largest > MOST_SIDE:
        return None
    before = (1.0,) * (3 - axes)

    def encode(draw: Any, to: Numbers) -> None:
        for channel, size in zip(draw.channels, draw.sizes, strict=True):
            to.extend((MEDIAN, channel, *before, *(size,) * axes))

    return encode


def _sharpen(step: Sharpen, axes: int) -> Encode:  # noqa: ARG001
    def encode(draw: Any, to: Numbers) -> None:
        for numbers in zip(draw.channels, draw.strengths, draw.kept, strict=True):
            to.extend((SHARPEN, *numbers))

    return encode


def _rectangles(step: Rectangles, axes: int) -> Encode:
    first, one = (0,) * (3 - axes), (1,) * (3 - axes)
    what = (True, 0.0) if step.value is None else (False, step.value)

    def encode(draw: Any, to: Numbers) -> None:
        for channel, boxes in zip(draw.channels, draw.rectangles, strict=True):
            for lower, size in boxes:
                to.extend((RECTANGLE, channel, *first, *lower, *one, *size, *what))

    return encode


def _bumps(step: Gradient | LocalGamma, axes: int) -> Encode:
    kind = GRADIENT if isinstance(step, Gradient) else LOCAL_GAMMA
    none = (0.0,) * (3 - axes)  # a width of 0: there is no such axis

    def encode(draw: Any, to: Numbers) -> None:
        for channel, bump, number in zip(draw.channels, draw.bumps, draw.numbers, strict=True):
            to.extend((kind, channel, *none, *bump.centres, *none, *bump.widths, number))

    return encode


def _reorder(step: Rot90 | Transpose, axes: int) -> Encode:  # noqa: ARG001
    missing = 3 - axes
    as_they_are = tuple(range(axes))

    def encode(draw: Any, to: Numbers) -> None:
        order = draw.order(axes)
        if order.axes != as_they_are or any(order.backwards):
            shown = (*range(missing), *(axis + missing for axis in order.axes))
            to.extend((REORDER, *shown, *(False,) * missing, *order.backwards))

    return encode


def _mirror(step: Mirror, axes: int) -> Encode:  # noqa: ARG001
    numbers = range(axes - 3, axes)  # of the axes that a slice lacks: below 0

    def encode(draw: Any, to: Numbers) -> None:
        to.extend((MIRROR, *(axis in draw.axes for axis in numbers)))

    return encode


def _random(step: RandomApply, axes: int) -> Encode | None:
    return encoder_of(step.step, axes)


def _one_of(step: OneOf, axes: int) -> Encode | None:
    inner = [encoder_of(each, axes) for each in step.steps]

    def encode(draw: Any, to: Numbers) -> None:
        chosen = inner[draw.step]
        assert chosen is not None
        chosen(draw.draw, to)

    return None if None in inner else encode


ENCODERS: dict[type, Callable[[Any, int], Encode | None]] = {
    Spatial: _spatial,
    Brightness: _factor,
    Contrast: _contrast,
    Gamma: _gamma,
    Noise: _noise,
    Blur: _blur,
    LowResolution: _low_resolution,
    Median: _median,
    Mirror: _mirror,
    Mask: encode_labels.mask,
    RemoveLabel: encode_labels.remove_label,
    RandomApply: _random,
    OneOf: _one_of,
    AddedBrightness: _factor,
    Sharpen: _sharpen,
    Rectangles: _rectangles,
    Gradient: _bumps,
    LocalGamma: _bumps,
    Rot90: _reorder,
    Transpose: _reorder,
    OneHot: encode_labels.one_hot,
    BinaryOperator: encode_labels.binary_operator,
    RemoveComponent: encode_labels.remove_component,
}
