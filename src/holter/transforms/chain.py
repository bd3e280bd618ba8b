"""All transforms of a sample in stock's order: draw, needed box, and application to a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from holter.errors import WrongBox
from holter.transforms.batch_state import Applied, BatchState, Step
from holter.transforms.fallback import runs_stock
from holter.transforms.kernels import Bound, Kernels, Program, Segment, kernels, program_of, segments_of
from holter.transforms.spatial.geometry import Box, Geometry, whole
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


@dataclass(frozen=True)
class Chain:
    """The transforms of a sample in their order, and for each the names of stock's and of the one that replaces it."""

    geometry: Geometry
    steps: tuple[Step, ...]
    mapping: tuple[tuple[str, str], ...]

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

    @cached_property
    def compiled(self) -> Kernels | None:
        """The compiled kernels; None if all steps run in torch. The first call may compile them: that takes seconds."""
        return kernels()

    @cached_property
    def program(self) -> Program | None:
        """The compiled form of the chain's first steps, for the CPU; None if they run in torch."""
        return None if self.compiled is None else program_of(self.steps, self.geometry, self.compiled)

    def not_compiled(self) -> list[str]:
        """Return the names of the steps that run in torch although there are kernels; without kernels none."""
        done = 0 if self.program is None else self.program.steps
        if self.compiled is None:
            return []
        alone = [self.steps[part] for part in self._parts(done) if isinstance(part, int)]
        return [step.name for step in alone if not runs_stock(step)]

    def output_of(self, channels: int, seg_channels: int) -> Batch | None:
        """Return sizes and types of a batch of one sample that ``Writer`` can write; None if ``apply`` must be used."""
        program = self.program
        if program is None or not program.is_whole:
            return None
        return self._batch(*program.empty(1, channels, seg_channels, device="meta"))

    def writer(self, image: Tensor, targets: Sequence[Tensor]) -> Writer:
        """Return a writer of transformed samples into the memory of a batch, with the types that ``output_of`` returns.

        Shapes:  image (B, C, *patch); targets: one tensor (B, S, *size) per resolution.
        """
        assert self.program is not None
        return Writer(self, Bound(self.program, image, targets), image, targets)

    def apply(
        self,
        images: Sequence[Tensor],
        segs: Sequence[Tensor],
        draws: Sequence[SampleDraw],
        *,
        device: torch.device | str,
    ) -> Batch:
        """Transform the samples into one batch on ``device``; inputs are not changed.

        Runs in float32 regardless of autocast. Does not wait for the device, except where stock's own transform runs on
        the CPU (``fallback.py``), or to remove a component.

        Shapes:  per sample an image (C, *box) float32 and a seg (S, *box) int8 or int16, on any device; box: the
                 needed box of its draw.
        Raises:  WrongBox if a tensor does not have the size of its needed box.
        """
        where = torch.device(device)
        boxes = self._boxes(images, segs, draws)
        with torch.no_grad(), torch.autocast(where.type, enabled=False):
            work, left = self._begin(images, segs, draws, boxes, where)
            for part in self._parts(left.start) if where.type == "cpu" else left:
                self._apply_part(part, work, draws)
        return Batch(work.image, work.seg)

    def _parts(self, first: int) -> Sequence[Segment | int]:
        # The steps from ``first`` on: several together, if the kernels have them.
        if self.compiled is None:
            return range(first, len(self.steps))
        if first not in self._segments:
            self._segments[first] = segments_of(self.steps, first, len(self.geometry.initial_patch_size))
        return self._segments[first]

    @cached_property
    def _segments(self) -> dict[int, Sequence[Segment | int]]:
        return {}

    def _apply_part(self, part: Segment | int, work: BatchState, draws: Sequence[SampleDraw]) -> None:
        if isinstance(part, Segment):
            assert self.compiled is not None
            if part.run(self.compiled, work, [draw.draws for draw in draws]):
                return
            numbers = range(part.first, part.first + len(part.encoders))
        else:
            numbers = range(part, part + 1)
        for index in numbers:
            chosen = [(slot, sample.draws[index]) for slot, sample in enumerate(draws)]
            hits = [Applied(slot, draw) for slot, draw in chosen if draw is not None]
            if hits:
                self.steps[index].apply(work, hits)

    @property
    def _first(self) -> Spatial | None:
        first = self.steps[0] if self.steps else None
        return first if isinstance(first, Spatial) else None

    def _begin(
        self,
        images: Sequence[Tensor],
        segs: Sequence[Tensor],
        draws: Sequence[SampleDraw],
        boxes: Sequence[Box],
        device: torch.device,
    ) -> tuple[BatchState, range]:
        # Returns a batch in new tensors, and the indices of the remaining steps.
        program = self.program if device.type == "cpu" else None
        if program is not None and program.can_read(images, segs):
            memory = program.empty(len(images), len(images[0]), len(segs[0]))
            images, segs = [image.cpu() for image in images], [seg.cpu() for seg in segs]
            Bound(program, *memory).write(images, segs, [draw.draws for draw in draws], boxes)
            done = self._batch(*memory)
            return BatchState(done.image, done.target), range(program.steps, len(self.steps))
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

    def _batch(self, image: Tensor, targets: list[Tensor]) -> Batch:
        is_list = self.program is not None and self.program.scales is not None
        return Batch(image, targets if is_list else targets[0])

    def _boxes(self, images: Sequence[Tensor], segs: Sequence[Tensor], draws: Sequence[SampleDraw]) -> list[Box]:
        # The needed box of each sample, after a check that this is what was read.
        if not len(images) == len(segs) == len(draws) > 0:
            raise WrongBox(
                f"{len(images)} images, {len(segs)} segmentations and {len(draws)} draws do not make a batch",
                safe="nothing was changed",
                next_step="give one of each for every sample",
            )
        boxes = [self.needed_box(draw) for draw in draws]
        for slot, box in enumerate(boxes):
            wanted = box.shape
            for kind, tensor in (("image", images[slot]), ("segmentation", segs[slot])):
                if tuple(tensor.shape[1:]) != wanted:
                    raise WrongBox(
                        f"the {kind} of sample {slot} is {tuple(tensor.shape[1:])} voxels, its draw needs {wanted}",
                        safe="nothing was changed",
                        next_step="read the box that needed_box() gives for this draw",
                    )
        return boxes


@dataclass(frozen=True, slots=True)
class Writer:
    """A chain and the memory of a batch that it writes to. Several threads may write, each to its own samples."""

    chain: Chain
    bound: Bound
    image: Tensor
    targets: Sequence[Tensor]

    def write(self, images: Sequence[Any], segs: Sequence[Any], draws: Sequence[SampleDraw], first_slot: int) -> None:
        """Transform samples as ``Chain.apply`` does; write them to the batch, the first one at index ``first_slot``.

        Shapes:  of each sample, as ``Chain.apply``; numpy arrays are accepted as well as tensors.
        """
        boxes = self.chain._boxes(images, segs, draws)
        if self.chain.program is not None and self.chain.program.can_read(images, segs):
            self.bound.write(images, segs, [draw.draws for draw in draws], boxes, first_slot)
            return
        images, segs = ([torch.as_tensor(part) for part in parts] for parts in (images, segs))
        done = self.chain.apply(images, segs, draws, device="cpu")
        made = done.target if isinstance(done.target, list) else [done.target]
        for memory, part in zip((self.image, *self.targets), (done.image, *made), strict=True):
            memory[first_slot : first_slot + len(images)].copy_(part)
