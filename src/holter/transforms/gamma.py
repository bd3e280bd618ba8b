"""Raise a channel to an exponent within its own range.

Source:  batchgeneratorsv2 0.3.6 GammaTransform. Inverting raises the negative image and negates the result; keeping the
statistics restores mean and (unbiased) standard deviation afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from holter.transforms.batch_state import Applied, BatchState, ChannelIndex, ShapePreserving, change_rows
from holter.transforms.scalar import Scalar, draw_each, pick, read_scalar, single

STOCK = "batchgeneratorsv2.transforms.intensity.gamma.GammaTransform"
EPSILON = 1e-7  # stock's; a constant channel stays constant


@dataclass(frozen=True, slots=True)
class GammaDraw:
    """For each channel: its exponent, whether its negative is raised, and whether its statistics are restored."""

    channels: tuple[int, ...]
    exponents: tuple[float, ...]
    inverted: tuple[bool, ...]
    kept: tuple[bool, ...]


@dataclass(frozen=True)
class Gamma(ShapePreserving):
    """Raises each drawn channel to a drawn exponent."""

    exponent: Scalar
    invert: float
    keep: float
    per_channel: float
    one_exponent: bool
    name = "gamma"

    def draw(self, rng: np.random.Generator, channels: int) -> GammaDraw | None:
        """Draw the channels, then which keep their mean and deviation, which are inverted, and the exponents.

        None if no channel is drawn.
        """
        hit = pick(rng, channels, self.per_channel)
        if not hit:
            return None
        kept = tuple(rng.random() < self.keep for _ in hit)
        inverted = tuple(rng.random() < self.invert for _ in hit)
        drawn = draw_each(rng, self.exponent, len(hit), same=self.one_exponent)
        return GammaDraw(hit, tuple(single(value) for value in drawn), inverted, kept)

    def apply(self, work: BatchState, hits: Sequence[Applied]) -> None:
        """Raise the drawn channels to their exponents, in place; channels with the same flags in one operation."""
        kinds: dict[tuple[bool, bool], list[tuple[ChannelIndex, float]]] = {}
        for slot, draw in hits:
            for channel, *kind, exponent in zip(draw.channels, draw.inverted, draw.kept, draw.exponents, strict=True):
                kinds.setdefault((kind[0], kind[1]), []).append((ChannelIndex(slot, channel), exponent))
        for (inverted, kept), members in kinds.items():
            rows, exponents = zip(*members, strict=True)
            change_rows(work.image, rows, [exponents], partial(raise_to, inverted=inverted, kept=kept))


def raise_to(x: Tensor, exponent: float | Tensor, *, inverted: bool, kept: bool) -> None:
    """Raise each row of x to its exponent within its own range, in place.

    ``inverted``: do so with -x, and negate the result. ``kept``: then restore the row's mean and deviation.
    Shapes:  x (N, voxels); exponent a number or (N, 1).

    The negative image is never stored: its range is that of x with the ends exchanged. All operations except the
    power are linear, so its sign is part of their factors.
    """
    before = centre(x) if kept else None
    low, high = x.amin(1, keepdim=True), x.amax(1, keepdim=True)
    spread = high - low
    origin, sign = (high, -1.0) if inverted else (low, 1.0)
    x.sub_(origin).div_(spread.clamp(min=EPSILON) * sign).pow_(exponent)
    if before is None:
        x.mul_(spread * sign).add_(origin)
        return
    std = centre(x).std
    factor = before.std * spread / (std * spread).clamp(min=EPSILON)
    x.mul_(factor * sign).add_(before.mean)


class Statistics(NamedTuple):
    """Mean and standard deviation of each row (one channel of one sample). Shapes:  (N, 1) each."""

    mean: Tensor
    std: Tensor


def centre(x: Tensor) -> Statistics:
    """Subtract from each row of x (N, voxels) its mean, in place; return mean and deviation of the original rows.

    The deviation is computed from the norm of the rest: torch.std_mean takes ten times as long on the CPU.
    """
    mean = x.mean(1, keepdim=True)
    x.sub_(mean)
    return Statistics(mean, torch.linalg.vector_norm(x, dim=1, keepdim=True) / max(1, x.shape[1] - 1) ** 0.5)


def read(stock: Any) -> Gamma | None:
    """Return a step with the stock transform's distribution, or None if its exponent is a function."""
    exponent = read_scalar(stock.gamma)
    if exponent is None:
        return None
    invert, keep, per_channel = float(stock.p_invert_image), float(stock.p_retain_stats), float(stock.p_per_channel)
    return Gamma(exponent, invert, keep, per_channel, bool(stock.synchronize_channels))
