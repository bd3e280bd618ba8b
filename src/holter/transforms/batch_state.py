"""The batch that flows through a chain, and the interface of its steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

# Larger channels are changed in place; for smaller ones, gathering them saves more than it costs.
LARGE_VOXELS = 32_768


@dataclass(slots=True)
class BatchState:
    """The batch between two transforms (steps) of a chain. Its tensors belong to the chain, and are changed in place.

    Shapes:  image (B, C, *patch) float32, contiguous; seg (B, S, *patch) int16, or bool once it holds regions, or a
    list of such for deep supervision.
    """

    image: Tensor
    seg: Any


class Applied(NamedTuple):
    """A sample that a transform is applied to: its index in the batch (``slot``), and what was drawn for it."""

    slot: int
    draw: Any


class ChannelIndex(NamedTuple):
    """One channel of one sample: the sample's index in the batch (``slot``), and the index of the channel."""

    slot: int
    channel: int


class Step(Protocol):
    """One transform of a chain: ``draw`` makes all random choices for a sample, and ``apply`` makes none."""

    @property
    def name(self) -> str:
        """Return the step's name for the log, where it is printed beside the name of stock's transform."""

    @property
    def reshapes(self) -> bool:
        """Whether the step changes the number or size of the channels; then it applies to all samples or none."""

    def draw(self, rng: np.random.Generator, channels: int) -> object | None:
        """Return the random choices for one sample with ``channels`` image channels; None: it stays unchanged."""

    def channels_after(self, channels: int) -> int:
        """Return how many image channels a sample with ``channels`` of them has after this transform."""

    def apply(self, work: BatchState, hits: Sequence[Applied]) -> None:
        """Change the samples of ``work`` that ``hits`` names, in place, and no others."""


class NoDraw(NamedTuple):
    """The draw of a transform without randomness: empty, but not None, which would leave the sample unchanged."""


ALWAYS = NoDraw()


class ShapePreserving:
    """Base class of a step (a transform) that changes neither the number of channels nor the size of the patch."""

    reshapes = False

    def channels_after(self, channels: int) -> int:
        """Return ``channels``: this transform does not change their number."""
        return channels


class WithoutRandomness(ShapePreserving):
    """Base class of a transform that keeps channels and size, and does the same to every sample: nothing is drawn."""

    def draw(self, rng: np.random.Generator, channels: int) -> NoDraw:  # noqa: ARG002 - one signature for all
        """Return an empty draw, so that the transform is applied; the arguments are not used."""
        return ALWAYS


def everywhere(work: BatchState, hits: Sequence[Applied]) -> bool:
    """Return whether ``hits`` names all samples of the batch ``work``."""
    return len(hits) == len(work.image)


def on_device(values: Sequence[float] | Sequence[int], device: torch.device, dtype: torch.dtype) -> Tensor:
    """Return numbers as a small 1D tensor on a device, copied without waiting for the GPU."""
    return torch.tensor(values, dtype=dtype).to(device, non_blocking=True)


def change_rows(
    image: Tensor, rows: Sequence[ChannelIndex], columns: Sequence[Sequence[float]], change: Callable[..., None]
) -> None:
    """Call ``change(x, *values)``, which changes x in place, for the channels that ``rows`` names.

    Shapes:  image (B, C, *spatial) contiguous, changed in place; x (N, voxels); each column has one number per row.
    ``change`` gets it as a number, or as (N, 1) if small channels are changed together. Without columns it gets only x.
    """
    channels = image.shape[1]
    flat = image.view(len(image) * channels, -1)
    index = [row.slot * channels + row.channel for row in rows]
    if not index:
        return
    if flat.shape[1] >= LARGE_VOXELS:
        parameters = zip(*columns, strict=True) if columns else repeat((), len(index))
        for position, values in zip(index, parameters, strict=True):
            change(flat[position : position + 1], *values)
        return
    which = on_device(index, image.device, torch.int64)
    x = flat.index_select(0, which)
    change(x, *(on_device(column, image.device, torch.float32)[:, None] for column in columns))
    flat.index_copy_(0, which, x)
