"""All transforms of a sample in stock's order: draw, needed box, and application to a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from holter.errors import WrongBox
from holter.transforms.batch_state import Applied, BatchState, Step
from holter.transforms.spatial.geometry import Box, Fill, Geometry, whole
from holter.transforms.spatial.spatial import Spatial


@dataclass(frozen=True, slots=True)
class SampleDraw:
    """All random choices for one sample: one draw per step of the chain, None if the step does not apply to it."""

    draws: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """The input of the network, with stock's types.

    Shapes:  image (B, C, *patch) float32; target (B, S, *patch) int16, bool for regions; for deep supervision a list of
    such, in the order of stock's scales (full resolution first).
    """

    image: Tensor
    target: Tensor | list[Tensor]


@dataclass(frozen=True, slots=True)
class Chain:
    """Steps in order, and how they were read: pairs of stock's name and ours, or "CPU fall-back"."""

    geometry: Geometry
    steps: tuple[Step, ...]
    mapping: tuple[tuple[str, str], ...]

    @property
    def initial_box_fill(self) -> Fill:
        """Return the values for box voxels outside the image. Outside the initial patch the chain itself pads."""
        return Fill()

    def draw(self, rng: np.random.Generator, channels: int) -> SampleDraw:
        """Draw for one sample with that many image channels; the same generator state gives the same numbers."""
        draws = []
        for step in self.steps:
            draws.append(step.draw(rng, channels))
            channels = step.channels_after(channels)
        return SampleDraw(tuple(draws))

    def needed_box(self, draw: SampleDraw) -> Box:
        """Return the part of the initial patch that must be read: the patch for a plain crop, all of it if an unknown
        step comes first.
        """
        initial = self.geometry.initial_patch_size
        if self._first is None:
            return whole(initial)
        return self._first.needed_box(draw.draws[0], initial)

    def apply(
        self,
        images: Sequence[Tensor],
        segs: Sequence[Tensor],
        draws: Sequence[SampleDraw],
        *,
        device: torch.device | str,
    ) -> Batch:
        """Transform the samples into one batch on ``device``; inputs are not changed.

        Runs in float32 regardless of autocast. Does not wait for the device, except in a fall-back or to remove a
        component.

        Shapes:  per sample an image (C, *box) float32 and a seg (S, *box) int8 or int16, on any device; box: the
                 needed box of its draw.
        Raises:  WrongBox if a tensor does not have the size of its needed box.
        """
        where = torch.device(device)
        self._check(images, segs, draws)
        with torch.no_grad(), torch.autocast(where.type, enabled=False):
            work, left = self._begin(images, segs, draws, where)
            for index in left:
                chosen = [(slot, sample.draws[index]) for slot, sample in enumerate(draws)]
                hits = [Applied(slot, draw) for slot, draw in chosen if draw is not None]
                if hits:
                    self.steps[index].apply(work, hits)
        return Batch(work.image, work.seg)

    @property
    def _first(self) -> Spatial | None:
        first = self.steps[0] if self.steps else None
        return first if isinstance(first, Spatial) else None

    def _begin(
        self, images: Sequence[Tensor], segs: Sequence[Tensor], draws: Sequence[SampleDraw], device: torch.device
    ) -> tuple[BatchState, range]:
        # Returns a batch in new tensors, and the indices of the remaining steps.
        if self._first is not None:
            spatial = [draw.draws[0] for draw in draws]
            initial = self.geometry.initial_patch_size
            return self._first.apply_parts(images, segs, spatial, initial, device), range(1, len(self.steps))
        batch = BatchState(
            torch.empty((len(images), *images[0].shape), dtype=torch.float32, device=device),
            torch.empty((len(segs), *segs[0].shape), dtype=torch.int16, device=device),
        )
        for slot, (image, seg) in enumerate(zip(images, segs, strict=True)):
            batch.image[slot].copy_(image, non_blocking=True)
            batch.seg[slot].copy_(seg, non_blocking=True)
        return batch, range(len(self.steps))

    def _check(self, images: Sequence[Tensor], segs: Sequence[Tensor], draws: Sequence[SampleDraw]) -> None:
        if not len(images) == len(segs) == len(draws) > 0:
            raise WrongBox(
                f"{len(images)} images, {len(segs)} segmentations and {len(draws)} draws do not make a batch",
                safe="nothing was changed",
                next_step="give one of each for every sample",
            )
        for slot, draw in enumerate(draws):
            wanted = self.needed_box(draw).shape
            for kind, tensor in (("image", images[slot]), ("segmentation", segs[slot])):
                if tuple(tensor.shape[1:]) != wanted:
                    raise WrongBox(
                        f"the {kind} of sample {slot} is {tuple(tensor.shape[1:])} voxels, its draw needs {wanted}",
                        safe="nothing was changed",
                        next_step="read the box that needed_box() gives for this draw",
                    )
