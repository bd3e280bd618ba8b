"""Run the first steps of a chain in the compiled kernels: one call for any number of samples."""

from __future__ import annotations

import ctypes
import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from holter.transforms.batch_state import Step
from holter.transforms.kernels.encode import STAY, encoder_of
from holter.transforms.kernels.encode_labels import seg_channels_needed
from holter.transforms.kernels.kinds import MOST_LEVELS, MOST_VOXELS, Encode, Layout, Numbers, Shape, three
from holter.transforms.kernels.library import Kernels
from holter.transforms.kernels.rounding import is_fused
from holter.transforms.labels.one_hot import OneHot
from holter.transforms.labels.regions import Regions
from holter.transforms.resample.downsample import Downsample, nearest
from holter.transforms.spatial.geometry import Box, Geometry
from holter.transforms.spatial.placement import How
from holter.transforms.spatial.spatial import Spatial

MOST_SEG_CHANNELS = 64
MOST_REGION_LABELS = 2**16

ARRAYS = {torch.float32: np.dtype(np.float32), torch.int8: np.dtype(np.int8), torch.int16: np.dtype(np.int16)}
Array = np.ndarray[Any, Any]
LABELS_OF_A_BYTE = (torch.int8, ARRAYS[torch.int8])


@dataclass(frozen=True)
class Program:
    """The first steps of a chain in the form that the kernels run, up to the first step that they do not have."""

    kernels: Kernels
    geometry: Geometry
    encoders: tuple[Encode, ...]
    spatial: Spatial | None  # the first step, if it is this one
    is_fused: bool  # how positions are rounded
    regions: Regions | None
    scales: tuple[tuple[float, ...], ...] | None  # of deep supervision
    steps: int  # how many steps of the chain it does
    is_whole: bool  # these are all
    added: int  # channels of the image that are made of labels
    dropped: int  # channels of the segmentation that are read, and not part of the target
    least_segs: int  # channels that the segmentation must have

    @property
    def patch(self) -> Shape:
        """Return the size of a transformed sample, in voxels per axis."""
        if self.spatial is None:
            return self.geometry.initial_patch_size
        initial = self.geometry.initial_patch_size
        return (*initial[: len(initial) - len(self.spatial.patch)], *self.spatial.patch)

    def empty(self, batch: int, channels: int, seg_channels: int, device: str = "cpu") -> tuple[Tensor, list[Tensor]]:
        """Return new image (B, C, *patch) and targets, one per resolution.

        On the device "meta" they have only sizes and types.
        """
        image = torch.empty((batch, channels + self.added, *self.patch), dtype=torch.float32, device=device)
        kind, count = torch.int16, seg_channels - self.dropped
        if self.regions is not None:
            kind, count = torch.bool, len(self.regions.regions)
        sizes = [self.patch] if self.scales is None else [_scaled(self.patch, scales) for scales in self.scales]
        return image, [torch.empty((batch, count, *size), dtype=kind, device=device) for size in sizes]

    def can_read(self, images: Sequence[Tensor | Array], segs: Sequence[Tensor | Array]) -> bool:
        """Return whether the kernels can count the voxels of each sample, and have all segmentation channels."""
        return all(
            math.prod(image.shape[1:]) < MOST_VOXELS and self.least_segs <= len(seg) <= MOST_SEG_CHANNELS
            for image, seg in zip(images, segs, strict=True)
        )

    def layout(self, image: Tensor, targets: Sequence[Tensor], seg_channels: int, kind: torch.dtype) -> Layout:
        """Describe the memory of a batch with the shapes of ``empty``. ``kind``: the type of the labels when read."""
        how = self.spatial.how if self.spatial is not None else How("bilinear", "bilinear", -1)
        moved = len(self.spatial.patch) if self.spatial is not None else len(self.patch)
        layout = Layout(
            moved_axes=moved, channels=image.shape[1], seg_channels=seg_channels, label_bytes=kind.itemsize,
            image_is_linear=how.image_mode == "bilinear", seg_is_linear=how.seg_mode == "bilinear", pad=how.pad,
            is_fused=self.is_fused, cuts=how.cuts, read_channels=image.shape[1] - self.added,
            source=three(self.geometry.initial_patch_size), patch=three(self.patch), image=image.data_ptr(),
        )  # fmt: skip
        kept: list[Any] = []  # what the layout points to lives as long as it does
        if self.regions is not None:
            table = _region_table(self.regions.regions)
            kept.append(table)
            layout.regions, layout.region_channel = len(self.regions.regions), self.regions.seg_channel
            layout.region_table, layout.table_first = table.bits.ctypes.data, table.first
            layout.table_labels = table.bits.shape[1]
        count = 0
        for target in targets:
            size = tuple(target.shape[2:])
            if size == self.patch and self.regions is None and not layout.seg and not self.dropped:
                layout.seg = target.data_ptr()
                continue
            level = layout.level[count]
            count += 1
            level.out, level.size = target.data_ptr(), three(size)
            if size != self.patch:
                found = [_positions(have, want) for have, want in zip(three(self.patch), three(size), strict=True)]
                kept.append(found)
                level.source = tuple(each.ctypes.data for each in found)
        layout.levels = count
        layout.kept = kept
        return layout


class Bound:
    """A program and the memory of a batch that it writes to. Several threads may write, each to its own samples."""

    def __init__(self, program: Program, image: Tensor, targets: Sequence[Tensor]) -> None:
        """Shapes:  as ``Program.empty`` returns them; all contiguous."""
        self._program, self._image, self._targets = program, image, targets
        self._layouts: dict[tuple[int, torch.dtype], Layout] = {}

    def write(
        self,
        images: Sequence[Tensor | Array],
        segs: Sequence[Tensor | Array],
        draws: Sequence[Sequence[Any]],
        boxes: Sequence[Box],
        first_slot: int = 0,
    ) -> None:
        """Transform samples and write them to the batch from ``first_slot`` on.

        Shapes:  per sample an image (C, *box) and a seg (S, *box), its draws (one per step of the chain), and its box.
        """
        program = self._program
        images, image_at = _plain(images, (torch.float32,))
        segs, seg_at = _plain(segs, (torch.int8, torch.int16))
        kind = torch.int8 if segs[0].dtype in LABELS_OF_A_BYTE else torch.int16
        numbers: Numbers = []
        samples: list[int] = []
        for slot, (image, at, labels_at, draw, box) in enumerate(
            zip(images, image_at, seg_at, draws, boxes, strict=True), first_slot
        ):
            begin = len(numbers)
            if program.spatial is None:
                numbers.extend(STAY)
            for encode, drawn in zip(program.encoders, draw, strict=False):
                if drawn is not None:
                    encode(drawn, numbers)
            size, lower = image.shape[1:], box.lower
            if len(size) == 2:
                size, lower = (1, *size), (0, *lower)
            samples += (at, labels_at, *size, *lower, slot, begin, len(numbers) - begin)
        key = (len(segs[0]), kind)
        layout = self._layouts.get(key)
        if layout is None:
            layout = self._layouts[key] = program.layout(self._image, self._targets, *key)
        program.kernels.run(ctypes.addressof(layout), array("q", samples), len(images), array("d", numbers))


def program_of(steps: Sequence[Step], geometry: Geometry, kernels: Kernels) -> Program | None:
    """Return the program of a chain's first steps; None if the kernels have none of them."""
    axes = len(geometry.initial_patch_size)
    spatial = steps[0] if steps and isinstance(steps[0], Spatial) else None
    fused = None if spatial is None else is_fused(len(spatial.patch))
    encoders: list[Encode] = []
    for step in steps:
        encode = None if isinstance(step, Spatial) and (encoders or fused is None) else encoder_of(step, axes)
        if encode is None:
            break
        encoders.append(encode)
    if spatial is not None and not encoders:
        return None
    done = len(encoders)
    stages = [step for step in steps[:done] if isinstance(step, OneHot)]
    dropped, least_segs = sum(step.remove for step in stages), seg_channels_needed(steps[:done])
    regions, scales = None, None
    following = steps[done] if done < len(steps) else None
    if isinstance(following, Regions) and _fits(following):
        regions, done = following, done + 1
        least_segs = max(least_segs, following.seg_channel + dropped + 1)
        following = steps[done] if done < len(steps) else None
    if isinstance(following, Downsample) and len(following.scales) <= MOST_LEVELS:
        scales, done = following.scales, done + 1
    if done == 0:
        return None
    return Program(
        kernels, geometry, tuple(encoders), spatial, bool(fused), regions, scales, done, done == len(steps),
        sum(len(step.labels) for step in stages), dropped, least_segs,
    )  # fmt: skip


def _fits(regions: Regions) -> bool:
    labels = [label for region in regions.regions for label in region]
    return regions.seg_channel >= 0 and bool(labels) and max(labels) - min(labels) < MOST_REGION_LABELS


class _Table(NamedTuple):
    bits: np.ndarray[Any, np.dtype[np.uint8]]  # (regions, labels)
    first: int


@lru_cache(maxsize=16)
def _region_table(regions: tuple[tuple[int, ...], ...]) -> _Table:
    labels = [label for region in regions for label in region]
    first = min(labels)
    bits = np.zeros((len(regions), max(labels) - first + 1), np.uint8)
    for number, region in enumerate(regions):
        bits[number, [label - first for label in region]] = 1
    return _Table(bits, first)


@lru_cache(maxsize=256)
def _positions(length: int, wanted: int) -> np.ndarray[Any, np.dtype[np.int32]]:
    return np.array(nearest(length, wanted), np.int32)


def _scaled(patch: Shape, scales: Sequence[float]) -> Shape:
    return tuple(size if scale == 1 else round(size * scale) for size, scale in zip(patch, scales, strict=True))


def _plain(parts: Sequence[Any], kinds: Sequence[torch.dtype]) -> tuple[Sequence[Any], list[int]]:
    # The parts and their addresses, all contiguous and of one type: of the first of ``kinds``, else of the last.
    #
    # An array is cut from its thread's memory with numpy, because torch would release the interpreter's lock for it.
    if all(isinstance(part, np.ndarray) and part.flags.c_contiguous for part in parts):
        types = {part.dtype for part in parts}
        if len(types) == 1 and types <= {ARRAYS[kind] for kind in kinds}:
            return parts, [part.__array_interface__["data"][0] for part in parts]
    tensors = [torch.from_numpy(part) if isinstance(part, np.ndarray) else part for part in parts]
    kind = kinds[0] if all(part.dtype == kinds[0] for part in tensors) else kinds[-1]
    tensors = [part.to(kind).contiguous() for part in tensors]
    return tensors, [part.data_ptr() for part in tensors]
