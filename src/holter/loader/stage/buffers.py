"""Memory that samples are read into: taken once, used again and again, pinned where a GPU copies from it."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

import torch

from holter.loader.records import SamplePlan, Shape
from holter.loader.stage.chain import Tensor

# Boxes differ in size: a quarter more than asked for, and a handful of samples later no buffer grows any more.
GROWTH = 1.25

T = TypeVar("T")


class SampleBuffers:
    """BatchBuffer for one sample."""

    def __init__(self, seg_dtype: Any, is_pinned: bool) -> None:
        self._is_pinned = is_pinned
        self._image = torch.empty(0, dtype=torch.float32)
        self._seg = torch.empty(0, dtype=seg_dtype)

    def views(self, channels: int, seg_channels: int, size: Shape) -> tuple[Tensor, Tensor]:
        """Uninitialised image (channels, *size) and segmentation (seg_channels, *size), valid until the next call."""
        self._image = self._with_room(self._image, channels * math.prod(size))
        self._seg = self._with_room(self._seg, seg_channels * math.prod(size))
        image, seg = (channels, *size), (seg_channels, *size)
        return self._image[: math.prod(image)].view(image), self._seg[: math.prod(seg)].view(seg)

    def _with_room(self, flat: Tensor, voxels: int) -> Tensor:
        if flat.numel() >= voxels:
            return flat
        return torch.empty(math.ceil(voxels * GROWTH), dtype=flat.dtype, pin_memory=self._is_pinned)


class Sample(NamedTuple):
    """A sample as it was read, and the room it lies in."""

    plan: SamplePlan
    image: Tensor  # float32 (C, *box), without the axis of slices in 2D
    seg: Tensor  # int8 or int16 (S, *box)
    buffers: SampleBuffers


class Pool(Generic[T]):
    """What is not in use. It makes a new one when empty; how many there ever are is bounded by who takes."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._free: list[T] = []
        self._lock = threading.Lock()
        self.made = 0

    def take(self) -> T:
        """One that nobody else has."""
        with self._lock:
            if self._free:
                return self._free.pop()
            self.made += 1
        return self._make()

    def give(self, item: T) -> None:
        """Nobody uses it any more."""
        with self._lock:
            self._free.append(item)
