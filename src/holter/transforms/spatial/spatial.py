"""Rotate, scale and crop: from the initial patch, or the part of it that was read, to the patch.

Source:  batchgeneratorsv2 0.3.6 SpatialTransform without elastic deformation and random centre, as nnU-Net's trainers
use it; of older versions, what they do instead (``read``). In dummy-2D mode (between Convert3DTo2D and Convert2DTo3D)
slices are folded into channels, so all share one 2D transform.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from holter.transforms.batch_state import Applied, BatchState
from holter.transforms.fallback import generators_kept
from holter.transforms.resample.dispatch import resampler_for
from holter.transforms.scalar import Scalar, read_scalar
from holter.transforms.spatial.geometry import Box, central_crop, padding_before, reached
from holter.transforms.spatial.placement import How, Placement

PROBE = 0.5  # radians
STOCK = "batchgeneratorsv2.transforms.spatial.spatial.SpatialTransform"


@dataclass(frozen=True, slots=True)
class SpatialDraw:
    """Radians and factors, one per axis; None: a plain crop. A larger factor makes objects smaller."""

    angles: tuple[float, ...] | None
    scales: tuple[float, ...] | None

    def affine(self) -> tuple[tuple[float, ...], ...] | None:
        """Return the matrix: source position = matrix @ patch position, from the centres; None for a plain crop."""
        return affine_of(self.angles, self.scales)


@dataclass(frozen=True)
class Spatial:
    """Rotates, scales and crops. Always the first step with samples of equal size."""

    patch: tuple[int, ...]  # 2 axes if slices are folded
    p_rotation: float
    angle: Scalar
    per_axis: float  # probability that an axis is rotated at all
    p_scaling: float
    scale: Scalar
    one_scale: float  # probability that all axes share one factor
    how: How
    folded: bool
    transposed: bool = False  # rotates by the transpose of the matrix, as 0.3.2 and 0.3.3
    name = "spatial"
    reshapes = True

    def draw(self, rng: np.random.Generator, channels: int) -> SpatialDraw:  # noqa: ARG002 - one signature for all
        """Draw whether to rotate, whether to scale, the angles, the factors."""
        turn, resize = rng.random() < self.p_rotation, rng.random() < self.p_scaling
        return SpatialDraw(self._angles(rng) if turn else None, self._scales(rng) if resize else None)

    def affine(self, draw: SpatialDraw) -> tuple[tuple[float, ...], ...] | None:
        """Return the matrix of a draw: source position = matrix @ patch position; None for a plain crop."""
        affine = draw.affine()
        return tuple(zip(*affine, strict=True)) if affine is not None and self.transposed else affine

    def channels_after(self, channels: int) -> int:
        """Return the same number."""
        return channels

    def needed_box(self, draw: SpatialDraw, initial: tuple[int, ...]) -> Box:
        """Return the part of an initial patch of size ``initial`` that the sample needs, with this draw."""
        source = self._spread(initial)
        affine = self.affine(draw)
        box = central_crop(source, self.patch) if affine is None else reached(source, self.patch, affine)
        if self.folded:
            return Box((0, *box.lower), (initial[0], *box.upper))
        return box

    def apply_parts(
        self, images: Sequence[Tensor], segs: Sequence[Tensor], draws: Sequence[SpatialDraw], initial: tuple[int, ...],
        device: torch.device,
    ) -> BatchState:  # fmt: skip
        """Return a new batch on ``device`` with the transformed samples; each sample has its own draw.

        Shapes:  images (C, *box) float32 and segs (S, *box): per sample the part ``needed_box(draw, initial)`` of the
                 initial patch -> image (B, C, *patch) float32 and seg (B, S, *patch) int16. In dummy-2D mode the number
                 of slices, which does not change, precedes the patch.
        """
        size = (*initial[: len(initial) - len(self.patch)], *self.patch)
        work = BatchState(
            torch.empty((len(images), len(images[0]), *size), dtype=torch.float32, device=device),
            torch.empty((len(images), len(segs[0]), *size), dtype=torch.int16, device=device),
        )
        for slot, draw in enumerate(draws):
            image, seg = (part.to(device, non_blocking=True) for part in (images[slot], segs[slot]))
            self._one(image, seg, draw, initial, (work.image[slot], work.seg[slot]))
        return work

    def apply(self, work: BatchState, hits: Sequence[Applied]) -> None:
        """Replace the whole initial patches in ``work`` by patches: used if another transform comes before this one."""
        initial = tuple(work.image.shape[2:])
        boxes = [self.needed_box(hit.draw, initial) for hit in hits]
        parts = [(slice(None), *(slice(*ends) for ends in zip(box.lower, box.upper, strict=True))) for box in boxes]
        images = [work.image[hit.slot][part] for hit, part in zip(hits, parts, strict=True)]
        segs = [work.seg[hit.slot][part] for hit, part in zip(hits, parts, strict=True)]
        done = self.apply_parts(images, segs, [hit.draw for hit in hits], initial, work.image.device)
        work.image, work.seg = done.image, done.seg

    def _one(
        self, image: Tensor, seg: Tensor, draw: SpatialDraw, initial: tuple[int, ...], into: tuple[Tensor, Tensor]
    ) -> None:
        if self.folded:
            image, seg = image.flatten(0, 1), seg.flatten(0, 1)
            into = (into[0].flatten(0, 1), into[1].flatten(0, 1))
        affine, source = self.affine(draw), self._spread(initial)
        if affine is None:
            before = padding_before(source, self.patch)
            place(image, before, 0.0, into[0])
            place(seg, before, self.how.pad, into[1])
            return
        whole = Placement(source, reached(source, self.patch, affine).lower, self.patch, affine)
        labels = seg if seg.dtype in (torch.int8, torch.int16) else seg.to(torch.int16)
        resample = resampler_for(image.device, cuts=self.how.cuts)
        resample(image.float().contiguous(), labels.contiguous(), whole, self.how, into)

    def _spread(self, initial: tuple[int, ...]) -> tuple[int, ...]:
        # The axes that are transformed.
        return initial[len(initial) - len(self.patch) :]

    def _angles(self, rng: np.random.Generator) -> tuple[float, ...]:
        drawn = [self.angle.draw(rng) for _ in self.patch]
        if self.per_axis < 1:
            drawn = [0.0 if rng.random() > self.per_axis else angle for angle in drawn]
        return tuple(drawn)

    def _scales(self, rng: np.random.Generator) -> tuple[float, ...]:
        if rng.random() <= self.one_scale:
            return (self.scale.draw(rng),) * len(self.patch)
        return tuple(self.scale.draw(rng) for _ in self.patch)


@lru_cache(maxsize=1024)
def affine_of(
    angles: tuple[float, ...] | None, scales: tuple[float, ...] | None
) -> tuple[tuple[float, ...], ...] | None:
    """Return the matrix of a draw. Cached: it is needed several times per sample."""
    if angles is None and scales is None:
        return None
    axes = len(angles or scales or ())
    matrix = rotation(angles or (0.0,) * axes) @ np.diag(scales or (1.0,) * axes)
    return tuple(tuple(row) for row in matrix.tolist())


def rotation(angles: Sequence[float]) -> np.ndarray[Any, Any]:
    """Return the matrix that rotates around the first, second and third axis, in this order.

    ``angles``: three, in radians; in 2D only the last one counts.
    """
    sines, cosines = np.sin(angles), np.cos(angles)
    if len(angles) == 2:
        return np.array([[cosines[1], -sines[1]], [sines[1], cosines[1]]])
    (sx, sy, sz), (cx, cy, cz) = sines, cosines
    around_first = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    around_second = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    around_third = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    turned: np.ndarray[Any, Any] = around_third @ around_second @ around_first
    return turned


def place(part: Tensor, before: Sequence[int], fill: float, into: Tensor) -> None:
    """Copy part (C, *box) into (C, *patch) after ``before`` voxels per axis; ``fill`` the rest."""
    if part.shape == into.shape:
        into.copy_(part, non_blocking=True)
        return
    into.fill_(fill)
    where = [slice(start, start + size) for start, size in zip(before, part.shape[1:], strict=True)]
    into[(slice(None), *where)] = part.to(into.dtype)


def read(stock: Any, folded: bool) -> Spatial | None:
    """Return a step with the stock transform's distribution; None if it deforms, moves its centre or pads otherwise.

    It does what the installed version does: the direction of a rotation is tried (0.3.4 changed it), and the labels at
    the border and in ties follow from the parameters (0.3.6 changed them).
    """
    angle, scale = read_scalar(stock.rotation), read_scalar(stock.scaling)
    cuts = (
        not hasattr(stock, "seg_tiebreak")
        and not stock.bg_style_seg_sampling
        and (stock.border_mode_seg == "constant" and stock.padding_value_seg != 0)
    )
    plain = (
        stock.p_elastic_deform <= 0
        and not stock.random_crop
        and not stock.align_corners
        and (cuts or getattr(stock, "seg_tiebreak", None) == "nearest")
        and stock.mode_image in ("bilinear", "nearest")
        and stock.mode_seg in ("bilinear", "nearest")
        and (
            stock.padding_mode_image == "zeros"
            or (stock.padding_mode_image, stock.padding_value_image) == ("constant", 0)
        )
        and stock.border_mode_seg in ("zeros", "constant")
    )
    if angle is None or scale is None or not plain or len(stock.patch_size) not in (2, 3):
        return None
    kind: Any = type(stock)
    transposed = rotates_by_transpose(kind)
    if transposed is None:
        return None
    pad = int(stock.padding_value_seg) if stock.border_mode_seg == "constant" else 0
    return Spatial(
        tuple(int(size) for size in stock.patch_size), float(stock.p_rotation), angle, float(stock.p_rot_per_axis),
        float(stock.p_scaling), scale, float(stock.p_synchronize_scaling_across_axes),
        How(stock.mode_image, stock.mode_seg, pad, cuts), folded, transposed,
    )  # fmt: skip


@lru_cache(maxsize=4)
def rotates_by_transpose(kind: Any) -> bool | None:
    """Return whether this version of stock's class turns the other way; None if it does neither.

    ``kind``: the class. It is asked for the source position of a patch that is rotated by a known angle.
    """
    with generators_kept():
        probe = kind((3, 3), 0, random_crop=False, p_rotation=1, rotation=PROBE)
        grid = probe.get_parameters(image=torch.zeros(1, 3, 3))["grid"]
    first = np.array(grid[0, 0].tolist()[::-1]) * 1.5  # of the voxel at (-1, -1) from the centre
    turned = rotation((0.0, PROBE)) @ (-1, -1), rotation((0.0, PROBE)).T @ (-1, -1)
    found = [bool(np.allclose(first, each, atol=1e-5)) for each in turned]
    return found[1] if any(found) else None
