"""Gaussian noise.

Source:  batchgeneratorsv2 0.3.6 GaussianNoiseTransform. What it calls a variance is used as a standard deviation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from holter.transforms.batch_state import Applied, BatchState, ShapePreserving
from holter.transforms.scalar import Scalar, pick, read_scalar

STOCK = "batchgeneratorsv2.transforms.intensity.gaussian_noise.GaussianNoiseTransform"
SEEDS = 2**63


@dataclass(frozen=True, slots=True)
class NoiseDraw:
    """Channels with their standard deviations, and the seed of the field."""

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
        """Draw the channels, then one sigma for all or one for each, then the seed."""
        hit = pick(rng, channels, self.per_channel)
        if not hit:
            return None
        sigmas = (self.sigma.draw(rng),) * len(hit) if self.one_sigma else tuple(self.sigma.draw(rng) for _ in hit)
        return NoiseDraw(hit, sigmas, int(rng.integers(SEEDS)))

    def apply(self, work: BatchState, hits: Sequence[Applied]) -> None:
        """Generate the fields on the device of the batch and add them."""
        for slot, draw in hits:
            size = (len(draw.channels), *work.image.shape[2:])
            add_noise(work.image[slot], draw, field(draw.seed, size, work.image.device))


def field(seed: int, size: tuple[int, ...], device: torch.device) -> Tensor:
    """Return standard normal numbers; the same for the same seed, size and kind of device (CPU and CUDA differ)."""
    generator = torch.Generator(device)
    generator.manual_seed(seed)
    return torch.randn(size, generator=generator, device=device, dtype=torch.float32)


def add_noise(image: Tensor, draw: NoiseDraw, standard: Tensor) -> None:
    """Add noise in place. Shapes:  image (C, *spatial); standard (len(draw.channels), *spatial)."""
    for channel, sigma, normal in zip(draw.channels, draw.sigmas, standard, strict=True):
        image[channel].add_(normal, alpha=sigma)


def read(stock: Any) -> Noise | None:
    """Return a step with the stock transform's distribution, or None if its sigma is a function."""
    sigma = read_scalar(stock.noise_variance)
    if sigma is None:
        return None
    return Noise(sigma, float(stock.p_per_channel), bool(stock.synchronize_channels))
