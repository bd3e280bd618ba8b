"""The interface of a chain of transforms; ``holter.transforms`` implements it, and other objects may."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch

from holter.loader.records import Shape

Tensor = Any  # torch.Tensor; torch is not typed for us


class Box(Protocol):
    """A half-open box in coordinates of the initial patch, with as many axes as the patch."""

    @property
    def lower(self) -> Shape:
        """Return the index of the first voxel on each axis."""
        ...

    @property
    def upper(self) -> Shape:
        """Return the index after the last voxel on each axis."""
        ...


class Transformed(Protocol):
    """The input of the network: ``target`` is a tensor, or a list with one tensor per resolution."""

    @property
    def image(self) -> Tensor:
        """Return the images (B, C, *patch)."""
        ...

    @property
    def target(self) -> Tensor | Sequence[Tensor]:
        """Return the targets (B, S, *patch), or a list of such."""
        ...


class Chain(Protocol):
    """A chain of transforms, used in three calls: ``draw``, then ``needed_box``, then ``apply`` to that box."""

    def draw(self, rng: np.random.Generator, channels: int) -> Any:
        """Draw all random numbers of one sample."""
        ...

    def needed_box(self, draw: Any) -> Box:
        """Return the part of the initial patch that ``apply`` needs."""
        ...

    def apply(
        self, images: Sequence[Tensor], segs: Sequence[Tensor], draws: Sequence[Any], *, device: Any
    ) -> Transformed:
        """Return the batch from one image (C, *box) and one segmentation (S, *box) per sample."""
        ...


class Writer(Protocol):
    """Writes samples into the memory of one batch. Several threads may write at once, each to its own samples."""

    def write(self, images: Sequence[Any], segs: Sequence[Any], draws: Sequence[Any], first_slot: int) -> None:
        """Transform samples as ``Chain.apply`` does, and write them to the batch from ``first_slot`` on.

        Shapes:  of each sample, as ``Chain.apply``; numpy arrays are accepted as well as tensors.
        """
        ...


@runtime_checkable
class WritingChain(Protocol):
    """A chain that can write its result directly into the memory of the batch, so that no copy follows."""

    def output_of(self, channels: int, seg_channels: int) -> Transformed | None:
        """Return sizes and types of a batch with one sample; None if the chain cannot write such samples."""
        ...

    def writer(self, image: Tensor, targets: Sequence[Tensor]) -> Writer:
        """Return a writer to the memory of a batch.

        Shapes:  image (B, C, *patch); targets: one tensor (B, S, *size) per resolution.
        """
        ...


class PlainBox(NamedTuple):
    """A ``Box`` as a plain tuple."""

    lower: Shape
    upper: Shape


class PlainBatch(NamedTuple):
    """A ``Transformed`` as a plain tuple."""

    image: Tensor
    target: Tensor


class NoTransforms:
    """The unchanged initial patch: the same as nnU-Net's loader without transforms."""

    def __init__(self, initial_patch_size: Shape) -> None:
        self._box = PlainBox((0,) * len(initial_patch_size), tuple(initial_patch_size))

    def draw(self, rng: np.random.Generator, channels: int) -> None:
        """Draw nothing."""

    def needed_box(self, draw: None) -> PlainBox:  # noqa: ARG002 -- always the same
        """Return the whole initial patch."""
        return self._box

    def apply(
        self,
        images: Sequence[Tensor],
        segs: Sequence[Tensor],
        draws: Sequence[None],  # noqa: ARG002 -- nothing was drawn
        *,
        device: Any,
    ) -> PlainBatch:
        """Stack the B cases without a change, on ``device``.

        Shapes:  images (C, *patch) -> float32 (B, C, *patch), segmentations (S, *patch) -> int16 (B, S, *patch).
        """
        return PlainBatch(torch.stack(list(images)).to(device), torch.stack(list(segs)).to(device, torch.int16))
