"""Whole samples from two pipelines: the same initial patches through stock's transforms and through our chain."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from holter.transforms import Chain

BINS = 8  # of labels, those of the test images


class Summary(NamedTuple):
    """Summary of one sample: moments of the image, and the share of each label."""

    mean: float
    std: float
    skew: float
    low: float
    high: float
    shares: tuple[float, ...]


@dataclass
class Measured:
    """One side: summaries, and the time of the transforms."""

    summaries: list[Summary] = field(default_factory=list)
    cpu_s: float = 0.0

    @property
    def cpu_ms_per_sample(self) -> float:
        """CPU time of this thread, in milliseconds."""
        return 1000 * self.cpu_s / max(1, len(self.summaries))


class Difference(NamedTuple):
    """One number of the summaries: the distance of the means, in standard errors."""

    name: str
    stock: float
    ours: float
    standard_errors: float


def measure(compose: Any, chain: Chain, samples: int, channels: int, seed: int) -> tuple[Measured, Measured]:
    """Run stock and ours in turns on the same images, each with its own draws."""
    stock, ours = Measured(), Measured()
    rng = np.random.default_rng(seed)
    for image, seg in images(chain.geometry.initial_patch_size, channels, samples, seed):
        began = time.thread_time()
        theirs = compose(image=image.clone(), segmentation=seg.clone())
        stock.cpu_s += time.thread_time() - began
        stock.summaries.append(summary(theirs["image"], theirs["segmentation"]))
        draw = chain.draw(rng, channels)
        box = chain.needed_box(draw)
        part = (slice(None), *(slice(*ends) for ends in zip(box.lower, box.upper, strict=True)))
        read = image[part].clone(), seg[part].clone()  # reading belongs to the loader
        began = time.thread_time()
        batch = chain.apply([read[0]], [read[1]], [draw], device="cpu")
        ours.cpu_s += time.thread_time() - began
        target = batch.target[0]
        ours.summaries.append(summary(batch.image[0], target if isinstance(batch.target, Tensor) else target[0]))
    return stock, ours


def images(size: Sequence[int], channels: int, count: int, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield smooth blobs with nested labels of -1 (outside) to 3 and matching intensities; all different."""
    generator = torch.Generator().manual_seed(seed)
    for _ in range(count):
        coarse = torch.randn((1, 1, *(max(2, length // 12) for length in size)), generator=generator)
        mode = "trilinear" if len(size) == 3 else "bilinear"
        height = torch.nn.functional.interpolate(coarse, tuple(size), mode=mode)[0]
        seg = torch.bucketize(height, torch.tensor([-1.6, 0.2, 0.7, 1.2])).to(torch.int16) - 1
        noise = 0.3 * torch.randn((channels, *size), generator=generator)
        yield height.expand(channels, *size) + 0.5 * seg + noise, seg


def summary(image: Tensor, seg: Any) -> Summary:
    """Summarise the first channel of the image and the segmentation at full resolution."""
    labels = (seg[0] if isinstance(seg, list) else seg)[0].flatten().long()
    values = image[0].double()
    centred = values - values.mean()
    std = centred.square().mean().sqrt()
    skew = (centred**3).mean() / std**3
    shares = torch.bincount(labels + 1, minlength=BINS)[:BINS] / labels.numel()
    return Summary(
        float(values.mean()), float(std), float(skew), float(values.min()), float(values.max()), tuple(shares.tolist())
    )


def differences(stock: Measured, ours: Measured) -> list[Difference]:
    """Compare every moment and every label's share."""
    all_differences = []
    for name in ("mean", "std", "skew", "low", "high"):
        sides = [[getattr(summary, name) for summary in side.summaries] for side in (stock, ours)]
        all_differences.append(_difference(name, *sides))
    for label in range(BINS):
        sides = [[summary.shares[label] for summary in side.summaries] for side in (stock, ours)]
        if any(map(any, sides)):
            all_differences.append(_difference(f"share of label {label - 1}", *sides))
    return all_differences


def _difference(name: str, stock: Sequence[float], ours: Sequence[float]) -> Difference:
    # Paired: both sides processed the same images.
    pairs = np.subtract(stock, ours)
    error = pairs.std(ddof=1) / np.sqrt(len(pairs))
    return Difference(
        name, float(np.mean(stock)), float(np.mean(ours)), float(abs(pairs.mean()) / error) if error else 0.0
    )
