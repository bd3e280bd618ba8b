"""Run a transform that has no implementation here: the stock object itself, on the CPU, one sample after another.

Its random numbers come from the global generators. These are seeded from the sample's draw for the call and restored
afterwards. So a sample is always the same, as long as no other code draws from them at that moment.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from holter.transforms.batch_state import Applied, BatchState, Step
from holter.transforms.random_apply import OneOf, RandomApply

SEEDS = 2**32  # the range of seeds of numpy's global generator
_GLOBAL_GENERATORS = threading.Lock()


@dataclass(frozen=True, slots=True)
class FallbackDraw:
    """The seed that the global random generators get while stock's transform runs for one sample."""

    seed: int


@dataclass(frozen=True)
class Fallback:
    """Runs a stock transform on the CPU; for samples on a GPU this waits for the GPU."""

    stock: Callable[..., dict[str, Any]]
    label: str
    reshapes = True  # possible, so assumed

    @property
    def name(self) -> str:
        """Return a name that shows that stock's code runs."""
        return "CPU fall-back"

    def draw(self, rng: np.random.Generator, channels: int) -> FallbackDraw:  # noqa: ARG002 - one signature for all
        """Draw the seed for one sample."""
        return FallbackDraw(int(rng.integers(SEEDS)))

    def channels_after(self, channels: int) -> int:
        """Return the same number of channels: it is assumed that the stock transform keeps them."""
        return channels

    def apply(self, work: BatchState, hits: Sequence[Applied]) -> None:
        """Apply the stock transform to each sample in ``hits``, in ``work``.

        It may change shapes only if ``hits`` names all samples of the batch.
        """
        done = {hit.slot: self._one(work, hit) for hit in hits}
        images = [done[slot][0] if slot in done else image for slot, image in enumerate(work.image)]
        work.image = torch.stack([image.to(work.image.device) for image in images]).float().contiguous()
        work.seg = _collated(
            [done[slot][1] if slot in done else _sample(work.seg, slot) for slot in range(len(images))]
        )

    def _one(self, work: BatchState, hit: Applied) -> tuple[Tensor, Any]:
        device = work.image.device
        given = {
            "image": _moved(work.image[hit.slot], "cpu"),
            "segmentation": _moved(_sample(work.seg, hit.slot), "cpu"),
        }
        with seeded(hit.draw.seed):
            done = self.stock(**given)
        return done["image"].to(device), _moved(done["segmentation"], device)


def runs_stock(step: Step) -> bool:
    """Return whether a transform of stock's runs in this step, for all samples or for some."""
    inner = (step.step,) if isinstance(step, RandomApply) else step.steps if isinstance(step, OneOf) else ()
    return isinstance(step, Fallback) or any(runs_stock(each) for each in inner)


@contextmanager
def generators_kept() -> Iterator[None]:
    """Restore the states of the global generators of random, numpy and torch (CPU) afterwards."""
    before = random.getstate(), np.random.get_state(), torch.random.get_rng_state()
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])
        torch.random.set_rng_state(before[2])


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed the global generators of random, numpy and torch (CPU) with ``seed``; restore their states afterwards."""
    with _GLOBAL_GENERATORS, generators_kept():
        random.seed(seed)
        np.random.seed(seed)
        torch.random.default_generator.manual_seed(seed)
        yield


def _sample(seg: Any, slot: int) -> Any:
    return [level[slot] for level in seg] if isinstance(seg, list) else seg[slot]


def _moved(value: Any, device: torch.device | str) -> Any:
    # Always a copy, never the memory of the batch: stock's transforms work in place.
    if isinstance(value, (list, tuple)):
        return [_moved(item, device) for item in value]
    return value.to(device, copy=True)


def _collated(segs: list[Any]) -> Any:
    if isinstance(segs[0], list):
        return [torch.stack(list(level)) for level in zip(*segs, strict=True)]
    return torch.stack(segs)
