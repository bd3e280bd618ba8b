"""Memory that samples are read into: allocated once, reused, and pinned if a GPU copies from it."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from holter.loader.records import SamplePlan, Shape
from holter.loader.stage.chain import Tensor

# Boxes differ in size: with 25 % more than requested, buffers stop growing after a few samples.
GROWTH = 1.25
INT8_MOST = 127

T = TypeVar("T")


def seg_dtype_for(largest_label: int) -> torch.dtype:
    """Return the type of segmentations whose labels reach this number."""
    return torch.int8 if largest_label <= INT8_MOST else torch.int16


class SampleBuffers:
    """The memory that one sample is read into.

    Views of the right size are made with numpy. Each such call of torch would release the interpreter's lock, and to
    take the lock back beside a busy training takes longer than the call.
    """

    def __init__(self, seg_dtype: Any, is_pinned: bool, most_voxels: int | None = None) -> None:
        """``most_voxels``: allocate at once what the largest box needs; None: as much as the boxes so far needed.

        Pinned memory that grows would be allocated many times: each time the GPU waits, and torch keeps the old one.
        """
        self._is_pinned, self._seg_kind, self._most_voxels = is_pinned, seg_dtype, most_voxels
        self._image: NDArray[Any] = torch.empty(0, dtype=torch.float32).numpy()
        self._seg: NDArray[Any] = torch.empty(0, dtype=seg_dtype).numpy()
        self.seg_dtype = self._seg.dtype
        self.addresses = (0, 0)  # of image and seg

    def views(self, channels: int, seg_channels: int, size: Shape) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return uninitialised image (channels, *size) and seg (seg_channels, *size), valid until the next call."""
        voxels = math.prod(size)
        if self._image.size < channels * voxels or self._seg.size < seg_channels * voxels:
            most = self._most_voxels or 0
            self._image = self._enlarged(self._image, channels * voxels, channels * most)
            self._seg = self._enlarged(self._seg, seg_channels * voxels, seg_channels * most)
            self.addresses = (self._image.ctypes.data, self._seg.ctypes.data)
        return (
            self._image[: channels * voxels].reshape(channels, *size),
            self._seg[: seg_channels * voxels].reshape(seg_channels, *size),
        )

    def _enlarged(self, flat: NDArray[Any], voxels: int, most: int) -> NDArray[Any]:
        if flat.size >= voxels:
            return flat
        size = max(voxels, most) if most else math.ceil(voxels * GROWTH)
        if not self._is_pinned:
            # numpy asks the system for large pages, torch does not: a rotation, which reads all over the box, takes a
            # seventh less time.
            return np.empty(size, flat.dtype)
        kind = torch.float32 if flat is self._image else self._seg_kind
        larger: NDArray[Any] = torch.empty(size, dtype=kind, pin_memory=True).numpy()  # which keeps the tensor's memory
        return larger


class Sample(NamedTuple):
    """A sample as it was read, and the buffers that hold it."""

    plan: SamplePlan
    image: NDArray[Any]  # float32 (C, *box), without the axis of slices in 2D
    seg: NDArray[Any]  # int8 or int16 (S, *box)
    buffers: SampleBuffers

    def tensors(self) -> tuple[Tensor, Tensor]:
        """Return image and seg as tensors of the same memory."""
        return torch.from_numpy(self.image), torch.from_numpy(self.seg)


class Pool(Generic[T]):
    """Keeps unused objects for later. If there is none, ``take`` creates one; the callers limit how many are in use."""

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
