"""Memory that samples are read into: allocated once, reused, and pinned if a GPU copies from it."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

import torch

from holter.loader.records import SamplePlan, Shape
from holter.loader.stage.chain import Tensor

# Boxes differ in size: with 25 % more than requested, buffers stop growing after a few samples.
GROWTH = 1.25

T = TypeVar("T")


class SampleBuffers:
    """The memory of one sample."""

    def __init__(self, seg_dtype: Any, is_pinned: bool) -> None:
        self._is_pinned = is_pinned
        self._image = torch.empty(0, dtype=torch.float32)
        self._seg = torch.empty(0, dtype=seg_dtype)

    def views(self, channels: int, seg_channels: int, size: Shape) -> tuple[Tensor, Tensor]:
        """Return uninitialised image (channels, *size) and seg (seg_channels, *size), valid until the next call."""
        self._image = self._enlarged(self._image, channels * math.prod(size))
        self._seg = self._enlarged(self._seg, seg_channels * math.prod(size))
        image, seg = (channels, *size), (seg_channels, *size)
        return self._image[: math.prod(image)].view(image), self._seg[: math.prod(seg)].view(seg)

    def _enlarged(self, flat: Tensor, voxels: int) -> Tensor:
        if flat.numel() >= voxels:
            return flat
        return torch.empty(math.ceil(voxels * GROWTH), dtype=flat.dtype, pin_memory=self._is_pinned)


class Sample(NamedTuple):
    """A sample as it was read, and the buffers that hold it."""

    plan: SamplePlan
    image: Tensor  # float32 (C, *box), without the axis of slices in 2D
    seg: Tensor  # int8 or int16 (S, *box)
    buffers: SampleBuffers


class Pool(Generic[T]):
    """Unused objects. If empty, it creates a new one; the number in use is limited by the callers."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._free: list[T] = []
        self._lock = threading.Lock()
        self.made = 0

    def take(self) -> T:
        """Return an object that no other caller has."""
        with self._lock:
            if self._free:
                return self._free.pop()
            self.made += 1
        return self._make()

    def give(self, item: T) -> None:
        """Take back an object that is no longer used."""
        with self._lock:
            self._free.append(item)
