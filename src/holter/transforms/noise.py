"""Gaussian noise.

Each number depends on the draw's seed, its channel and its position alone, so it is the same on every device, in the
compiled kernels (intensity.h), and after a resume: Threefry, a counter-based generator, makes two random words from
a counter, and Box and Muller's transform makes two normal numbers of them.

Source:  batchgeneratorsv2 0.3.6 GaussianNoiseTransform. What it calls a variance is used as a standard deviation.
         Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3": Threefry 2x32 with 13 rounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from holter.transforms.batch_state import Applied, BatchState, ShapePreserving
from holter.transforms.scalar import Scalar, draw_each, pick, read_scalar

STOCK = "batchgeneratorsv2.transforms.intensity.gaussian_noise.GaussianNoiseTransform"
SEEDS = 2**63
LANES = 16  # counters side by side; each gives number l and number l + 16 of a block of 32
TURNS = (13, 15, 26, 6, 17, 29, 16, 24)
ROUNDS = 13
PARITY = 0x1BD11BDA
WORD = 0xFFFFFFFF
CHUNK_WORDS = 65_536  # worked on at once: they stay in the second-level cache


@dataclass(frozen=True, slots=True)
class NoiseDraw:
    """The channels that get noise, their standard deviations, and the seed of the noise."""

    channels: tuple[int, ...]
    sigmas: tuple[float, ...]
    seed: int


@dataclass(frozen=True)
class Noise(ShapePreserving):
    """Adds a separate noise field to each drawn channel."""

    sigma: Scalar
    per_channel: float
    one_sigma: bool
    name = "noise"

    def draw(self, rng: np.random.Generator, channels: int) -> NoiseDraw | None:
        """Draw the channels, then one sigma for all or one for each, then the seed; None if no channel is drawn."""
        hit = pick(rng, channels, self.per_channel)
        if not hit:
            return None
        sigmas = draw_each(rng, self.sigma, len(hit), same=self.one_sigma)
        return NoiseDraw(hit, sigmas, int(rng.integers(SEEDS)))

    def apply(self, work: BatchState, hits: Sequence[Applied]) -> None:
        """Add noise to the drawn channels, in place; it is generated on the device of the batch."""
        for slot, draw in hits:
            size = (len(draw.channels), *work.image.shape[2:])
            add_noise(work.image[slot], draw, field(draw.seed, size, work.image.device))


def field(seed: int, size: tuple[int, ...], device: torch.device) -> Tensor:
    """Return standard normal numbers: float32 of the shape ``size``, equal on every device.

    Shapes:  size is (channels, *spatial). Each row along the last axis has a counter of its own.
    """
    *outer, length = size
    rows, blocks = prod(outer), -(-length // (2 * LANES))
    result = torch.empty((rows, length), dtype=torch.float32, device=device)
    lanes = torch.arange(blocks * LANES, dtype=torch.int32, device=device)
    step = max(1, CHUNK_WORDS // max(1, len(lanes))) if device.type == "cpu" else rows
    for start in range(0, rows, max(1, step)):
        numbers = torch.arange(start, min(rows, start + step), dtype=torch.int32, device=device)[:, None]
        first, second = threefry(lanes.expand(len(numbers), -1), numbers.expand(-1, len(lanes)), seed)
        pairs = torch.stack([half.unflatten(1, (blocks, LANES)) for half in normal(first, second)], dim=2)
        result[start : start + step] = pairs.flatten(1)[:, :length]
    return result.view(size)


def threefry(first: Tensor, second: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """Return two random words (int32, all 32 bits random) for each counter ``first``, ``second`` (int32)."""
    low, high = seed & WORD, seed >> 32 & WORD
    keys = (low, high, PARITY ^ low ^ high)
    first, second = first + _signed(keys[0]), second + _signed(keys[1])
    for number in range(ROUNDS):
        first = first + second
        turn = TURNS[number % len(TURNS)]
        second = (second << turn | (second >> 32 - turn & (1 << turn) - 1)) ^ first
        if number % 4 == 3:
            block = number // 4 + 1
            first = first + _signed(keys[block % 3])
            second = second + _signed(keys[(block + 1) % 3] + block)
    return first, second


def normal(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Return two standard normal numbers for each pair of random words.

    Only operations that every processor rounds alike, in the order of the kernels: their results are equal to the bit.
    """
    uniform = (first >> 8 & 0xFFFFFF).float() * 2.0**-24 + 2.0**-25
    turn = (second >> 8).float() * 2.0**-23  # -1 to 1, in units of pi
    # In float64, then rounded: torch's root in float32 may be wrong in the last digit.
    radius = (_log2(uniform) * -1.38629436).double().sqrt().float()
    size = turn.abs()
    sine = _sine(torch.where(size > 0.5, 1.0 - size, size)).copysign(turn)
    return radius * _sine(0.5 - size), radius * sine


def _log2(x: Tensor) -> Tensor:
    word = x.view(torch.int32)
    exponent = (word - 0x3F400000) >> 23
    mantissa = (word - (exponent << 23)).view(torch.float32)  # 0.75 to 1.5
    y = (mantissa - 1.0) / (mantissa + 1.0)
    return _polynomial(y * y, (0.32059890, 0.41219859, 0.57707802, 0.96179669, 2.88539008)) * y + exponent.float()


def _sine(x: Tensor) -> Tensor:
    # Of pi * x, for x from -0.5 to 0.5.
    return _polynomial(x * x, (0.0777, -0.59926450, 2.55016403, -5.16771278, 3.14159265)) * x


def _polynomial(x: Tensor, factors: Sequence[float]) -> Tensor:
    total = x * factors[0] + factors[1]
    for factor in factors[2:]:
        total = total * x + factor
    return total


def _signed(word: int) -> int:
    word &= WORD
    return word - (1 << 32) if word >> 31 else word


def add_noise(image: Tensor, draw: NoiseDraw, standard: Tensor) -> None:
    """Add ``standard``, multiplied by the drawn standard deviations, to the drawn channels of one image, in place.

    Shapes:  image (C, *spatial); standard (len(draw.channels), *spatial), standard normal numbers.
    """
    for channel, sigma, normal in zip(draw.channels, draw.sigmas, standard, strict=True):
        image[channel].add_(normal, alpha=sigma)


def read(stock: Any) -> Noise | None:
    """Return a step with the stock transform's distribution, or None if its sigma is a function."""
    sigma = read_scalar(stock.noise_variance)
    if sigma is None:
        return None
    return Noise(sigma, float(stock.p_per_channel), bool(stock.synchronize_channels))
