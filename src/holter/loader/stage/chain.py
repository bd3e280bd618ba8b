"""What the loader asks of a chain of transforms; ``holter.transforms`` has it, and any other object may."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch

from holter.loader.records import Shape

Tensor = Any  # torch.Tensor; torch is not typed for us


class Box(Protocol):
    """A half-open box in coordinates of the initial patch, as many axes as the patch has."""

    @property
    def lower(self) -> Shape:
        """First voxel."""
        ...

    @property
    def upper(self) -> Shape:
        """Behind the last voxel."""
        ...


class Transformed(Protocol):
    """What the network gets: ``target`` is a tensor, or a list with one a resolution."""

    @property
    def image(self) -> Tensor:
        """(B, C, *patch)."""
        ...

    @property
    def target(self) -> Tensor | Sequence[Tensor]:
        """(B, S, *patch), or a list of such."""
        ...


class Chain(Protocol):
    """Draw first, then say what part of the initial patch is looked at, then apply."""

    def draw(self, rng: np.random.Generator, channels: int) -> Any:
        """All random numbers of one sample."""
        ...

    def needed_box(self, draw: Any) -> Box:
        """The part of the initial patch that ``apply`` looks at."""
        ...

    def apply(
        self, images: Sequence[Tensor], segs: Sequence[Tensor], draws: Sequence[Any], *, device: Any
    ) -> Transformed:
        """The batch, from one image (C, *box) and one segmentation (S, *box) a sample."""
        ...


class PlainBox(NamedTuple):
    """See Box."""

    lower: Shape
    upper: Shape


class PlainBatch(NamedTuple):
    """See Transformed."""

    image: Tensor
    target: Tensor


class NoTransforms:
    """The initial patch as it is: what nnU-Net's loader gives when it has no transforms."""

    def __init__(self, initial_patch_size: Shape) -> None:
        self._box = PlainBox((0,) * len(initial_patch_size), tuple(initial_patch_size))

    def draw(self, rng: np.random.Generator, channels: int) -> None:
        """Nothing."""

    def needed_box(self, draw: None) -> PlainBox:  # noqa: ARG002 -- always the same
        """All of the initial patch."""
        return self._box

    def apply(
        self,
        images: Sequence[Tensor],
        segs: Sequence[Tensor],
        draws: Sequence[None],  # noqa: ARG002 -- nothing was drawn
        *,
        device: Any,
    ) -> PlainBatch:
        """Stack: images float32 (B, C, *patch), segmentations int16 (B, S, *patch)."""
        return PlainBatch(torch.stack(list(images)).to(device), torch.stack(list(segs)).to(device, torch.int16))
