"""Any transform that is not ours: the stock object itself, on the CPU, one sample after the other.

Its random numbers come from the global generators, which are seeded for the call from the sample's draw and set back
afterwards. So a sample is the same whenever it is drawn, as long as nothing else draws from them at that moment.
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

from holter.transforms.batch_state import Applied, BatchState

SEEDS = 2**32  # all that numpy's global generator takes
_GLOBAL_GENERATORS = threading.Lock()


@dataclass(frozen=True, slots=True)
class FallbackDraw:
    """What the global generators are seeded with."""

    seed: int


@dataclass(frozen=True)
class Fallback:
    """Goes over the CPU and back: on a device this waits for it, for the samples that are hit."""

    stock: Callable[..., dict[str, Any]]
    label: str
    reshapes = True  # it might

    @property
    def name(self) -> str:
        """What it is, and that it is not ours."""
        return "CPU fall-back"

    def draw(self, rng: np.random.Generator, channels: int) -> FallbackDraw:  # noqa: ARG002 - one signature for all
        """A seed."""
        return FallbackDraw(int(rng.integers(SEEDS)))

    def channels_after(self, channels: int) -> int:
        """Taken to be as many as before; steps that follow draw for that many."""
        return channels

    def apply(self, work: BatchState, hits: Sequence[Applied]) -> None:
        """Samples may all change their shape, if all are hit."""
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


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """The global generators of random, numpy and torch (CPU) start from ``seed``, and go on afterwards as if unused."""
    with _GLOBAL_GENERATORS:
        before = random.getstate(), np.random.get_state(), torch.random.get_rng_state()
        random.seed(seed)
        np.random.seed(seed)
        torch.random.default_generator.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(before[0])
            np.random.set_state(before[1])
            torch.random.set_rng_state(before[2])


def _sample(seg: Any, slot: int) -> Any:
    return [level[slot] for level in seg] if isinstance(seg, list) else seg[slot]


def _moved(value: Any, device: torch.device | str) -> Any:
    """On the device, and never the memory of the batch: stock's transforms work in place."""
    if isinstance(value, (list, tuple)):
        return [_moved(one, device) for one in value]
    return value.to(device, copy=True)


def _collated(segs: list[Any]) -> Any:
    if isinstance(segs[0], list):
        return [torch.stack(list(level)) for level in zip(*segs, strict=True)]
    return torch.stack(segs)
