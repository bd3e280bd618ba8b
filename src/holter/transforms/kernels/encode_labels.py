"""Translate the draws of the steps that look at labels, as ``encode.py`` does for the others.

A channel of the segmentation is counted from the first; the kernels do not count from the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from holter.transforms.batch_state import Step
from holter.transforms.kernels.kinds import (
    COMPONENT,
    DROP,
    GROW,
    GROW_SHRINK,
    MASK,
    ONE_HOT,
    OPERATE,
    REPLACE,
    SHRINK,
    SHRINK_GROW,
    Encode,
    Numbers,
)
from holter.transforms.labels.binary_operator import OPERATORS, BinaryOperator
from holter.transforms.labels.mask import Mask
from holter.transforms.labels.one_hot import OneHot
from holter.transforms.labels.remove_component import RemoveComponent
from holter.transforms.labels.remove_label import RemoveLabel
from holter.transforms.random_apply import OneOf, RandomApply
from holter.transforms.scalar import lower_end, upper_end

MOST_RADIUS = 16.0  # of a ball, in voxels; stage.h has room for more
OPERATOR = {("grow",): GROW, ("shrink",): SHRINK, ("grow", "shrink"): GROW_SHRINK, ("shrink", "grow"): SHRINK_GROW}


def seg_channels_needed(steps: Sequence[Step]) -> int:
    """Return how many channels a segmentation must have for these steps, before the first of them."""
    needed, dropped = 0, 0
    for each in steps:
        for step in _inner(each):
            if isinstance(step, (Mask, OneHot)):
                needed = max(needed, step.seg_channel + dropped + 1)
            elif isinstance(step, RemoveLabel) and step.seg_channels:
                needed = max(needed, max(step.seg_channels) + dropped + 1)
        dropped += isinstance(each, OneHot) and each.remove
    return needed


def _inner(step: Step) -> Iterator[Step]:
    # A step, or those that it applies to some samples.
    inner = (step.step,) if isinstance(step, RandomApply) else step.steps if isinstance(step, OneOf) else ()
    if not inner:
        yield step
    for each in inner:
        yield from _inner(each)


def mask(step: Mask, axes: int) -> Encode | None:  # noqa: ARG001 -- one signature for all
    """Return the encoder of a mask; None if its channel is negative: kernels cannot count from the end."""
    if step.seg_channel < 0:
        return None

    def encode(draw: Any, to: Numbers) -> None:  # noqa: ARG001
        for channel in step.channels:
            to.extend((MASK, channel, step.seg_channel, step.value))

    return encode


def remove_label(step: RemoveLabel, axes: int) -> Encode | None:  # noqa: ARG001
    """Return the encoder of a replaced label; None for numbers that no label has here, or channels from the end."""
    if not (_is_label(step.label) and _is_label(step.becomes)):
        return None
    if step.seg_channels is not None and any(channel < 0 for channel in step.seg_channels):
        return None
    channels = (-1,) if step.seg_channels is None else step.seg_channels

    def encode(draw: Any, to: Numbers) -> None:  # noqa: ARG001
        for channel in channels:
            to.extend((REPLACE, step.label, step.becomes, channel))

    return encode


def one_hot(step: OneHot, axes: int) -> Encode | None:  # noqa: ARG001
    """Return the encoder of labels that become channels; None for numbers that no label has here."""
    if step.seg_channel < 0 or not all(_is_label(label) for label in step.labels):
        return None

    def encode(draw: Any, to: Numbers) -> None:  # noqa: ARG001
        for label in step.labels:
            to.extend((ONE_HOT, step.seg_channel, label))
        if step.remove:
            to.extend((DROP, step.seg_channel))

    return encode


def binary_operator(step: BinaryOperator, axes: int) -> Encode | None:
    """Return the encoder of a binary operator; None if its ball is too large, or its labels do not lie side by side."""
    labels, radius = sorted(step.channels), step.radius
    if not labels:
        return None
    is_row = labels == list(range(labels[0], labels[0] + len(labels))) and (labels[0] < 0) == (labels[-1] < 0)
    if not is_row or lower_end(radius) < 0 or upper_end(radius) > MOST_RADIUS:
        return None

    def encode(draw: Any, to: Numbers) -> None:
        first = min(draw.labels)
        for channel, operator, ball in zip(draw.channels, draw.operators, draw.radii, strict=True):
            to.extend((OPERATE, channel, OPERATOR[OPERATORS[operator]], ball, axes, first, len(labels)))

    return encode


def remove_component(step: RemoveComponent, axes: int) -> Encode:  # noqa: ARG001
    """Return the encoder of a removed component."""

    def encode(draw: Any, to: Numbers) -> None:
        for channel, choice, receiver in zip(draw.channels, draw.choices, draw.receivers, strict=True):
            to.extend((COMPONENT, channel, choice, -1 if receiver is None else receiver, step.covers_at_most))

    return encode


def _is_label(label: int) -> bool:
    ends = torch.iinfo(torch.int16)
    return bool(ends.min <= label <= ends.max)
