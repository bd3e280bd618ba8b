"""Decompressed cases in memory: for small data sets, and for 2D with hundreds of samples per batch."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holter.linux.cgroups import available_bytes
from holter.loader.plan.files import ArrayFile
from holter.loader.read.sources import ArraySource, Source

RAM_SHARE = 0.5  # of the free memory; the page cache of all other files needs the other half
# The first read of a case takes only a box: the first batch must not wait for whole cases.
READS_BEFORE_KEEPING = 2
# What stays free of the machine or the control group: the network's memory grows after the first cases are kept.
LEAST_FREE_BYTES = 512 << 20
_FLOAT16_MOST = float(np.finfo(np.float16).max)


def ram_budget_bytes(share: float = RAM_SHARE, root: Path = Path("/")) -> int:
    """Return a share of the memory that is free: on the machine, or in this process's control groups if less.

    Units:   bytes; 0 if nothing could be read.
    """
    free = available_bytes(root / "proc", root / "sys/fs/cgroup")
    return max(0, int((free or 0) * share))


@dataclass(frozen=True)
class KeptCase:
    """The arrays of one case in memory."""

    image: NDArray[Any]
    seg: NDArray[Any]
    previous: NDArray[Any] | None

    @cached_property
    def sources(self) -> tuple[ArraySource, ArraySource, ArraySource | None]:
        """Return image, segmentation and previous stage as sources to read from; threads may share them."""
        previous = None if self.previous is None else ArraySource(self.previous)
        return ArraySource(self.image), ArraySource(self.seg), previous


class RamCache:
    """Whole cases within a budget. Cases are never evicted: each is as likely to be drawn as any other.

    ``as_float16`` halves the memory of the images. Training stays in float32, with values rounded to 11 bits: one error
    of up to 1 in 2048 per voxel (z-scored CT: below 0.002), while scanner noise is 10 to 100 times that. An image with
    values beyond 65504 is kept unchanged. Segmentations are never changed.
    """

    def __init__(
        self, budget_bytes: int, *, as_float16: bool = False, free: Callable[[], int | None] = lambda: None
    ) -> None:
        """``free``: returns the bytes of memory that are free, None if unknown; if few are, no more cases are kept."""
        self.budget_bytes = budget_bytes
        self._free = free
        self.used_bytes = 0  # including the bytes reserved for cases that are being read
        self._as_float16 = as_float16
        self._kept: dict[str, KeptCase] = {}
        self._reads: dict[str, int] = {}
        self._reserved: dict[str, int] = {}
        self._lock = threading.Lock()

    def get(self, case: str) -> KeptCase | None:
        """Return the case if it is in memory, else None."""
        return self._kept.get(case)

    def reserve(self, case: str, size_bytes: int) -> bool:
        """Count one more read of a case; return whether to keep it in memory, which is then reserved.

        If True, the caller must read the whole case, and then call ``keep``, or ``give_up`` if that fails.
        """
        with self._lock:
            reads = self._reads[case] = self._reads.get(case, 0) + 1
            is_taken = case in self._reserved or reads < READS_BEFORE_KEEPING
            if is_taken or self.used_bytes + size_bytes > self.budget_bytes:
                return False
            free = self._free()
            if free is not None and free - size_bytes < LEAST_FREE_BYTES:
                self.budget_bytes = self.used_bytes
                return False
            self._reserved[case] = size_bytes
            self.used_bytes += size_bytes
            return True

    def give_up(self, case: str) -> None:
        """Release the reservation after a failed read."""
        with self._lock:
            self.used_bytes -= self._reserved.pop(case, 0)

    def keep(self, case: str, whole: KeptCase) -> KeptCase:
        """Keep a case that was reserved; return it as stored."""
        image = _halved(whole.image) if self._as_float16 else whole.image
        kept = replace(whole, image=image)
        with self._lock:
            if case in self._reserved:  # else it was dropped meanwhile
                saved = whole.image.nbytes - image.nbytes
                self.used_bytes -= saved
                self._reserved[case] -= saved
                self._kept[case] = kept
        return kept

    def drop(self, case: str) -> None:
        """Forget a case and its count of reads."""
        with self._lock:
            self._kept.pop(case, None)
            self._reads.pop(case, None)
            self.used_bytes -= self._reserved.pop(case, 0)


def read_whole(source: Source, file: ArrayFile) -> NDArray[Any]:
    """Return the whole array, read into new memory."""
    whole = np.empty(file.shape, file.dtype)
    source.read((0,) * whole.ndim, file.shape, whole)
    return whole


def _halved(image: NDArray[Any]) -> NDArray[Any]:
    if image.dtype.kind != "f" or image.dtype.itemsize <= 2 or np.abs(image).max(initial=0) > _FLOAT16_MOST:
        return image
    return image.astype(np.float16)
