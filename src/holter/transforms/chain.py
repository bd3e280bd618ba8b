"""All transforms of a sample in stock's order: what it draws, what it needs to have read, and what becomes of a
batch.
"""

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
    """All that is random in one sample: a draw for each step of the chain, None where the step leaves it alone."""

    draws: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """What the network is trained on, of stock's types.

    Shapes:  image (B, C, *patch) float32; target (B, S, *patch) int16, bool for regions, or for deep supervision a
    list of such, in the order of stock's scales (full resolution first).
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
        """What the reader puts where a box leaves the image. Outside of the initial patch the chain pads by itself."""
        return Fill()

    def draw(self, rng: np.random.Generator, channels: int) -> SampleDraw:
        """Everything that one sample of that many image channels needs; the same numbers for the same generator."""
        draws = []
        for step in self.steps:
            draws.append(step.draw(rng, channels))
            channels = step.channels_after(channels)
        return SampleDraw(tuple(draws))

    def needed_box(self, draw: SampleDraw) -> Box:
        """What must be read of the initial patch: the patch for a plain crop, all of it if an unknown step comes
        first.
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
        """Shapes:  images (C, *box) float32 and segs (S, *box) int8 or int16, one a sample, each the needed box of
        its draw, on any device -> a batch on ``device``; inputs untouched. Runs in float32 whatever autocast says,
        and does not wait for the device (but for a fall-back or a removed component).

        Raises:  WrongBox if a tensor has not the size of its needed box.
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
        """A batch in tensors of its own, and the steps that are left to do."""
        if self._first is not None:
            spatial = [one.draws[0] for one in draws]
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
