"""The foreground voxels of a case in a few compact arrays."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holter.loader.records import ClassKey


class ForegroundLocations:
    """Sampled voxels of each class or region of a case.

    nnU-Net stores them as int64 with a channel column that is always 0, and unpickles them for each sample: 37 MB and
    5 ms for 117 classes. Here they are read once and take 3/16 (int16) or 3/8 (int32) of those bytes.
    """

    def __init__(self, class_locations: Mapping[ClassKey, Any]) -> None:
        """``class_locations``: nnU-Net's. Shapes:  (N, 1 + axes) for each class, empty if the case lacks it."""
        by_class = {key: np.asarray(voxels) for key, voxels in class_locations.items() if len(voxels)}
        self.keys: tuple[ClassKey, ...] = tuple(by_class)
        voxels = [each[:, 1:] for each in by_class.values()]
        largest = max((int(each.max()) for each in voxels), default=0)
        dtype: type[np.signedinteger[Any]] = np.int16 if largest <= np.iinfo(np.int16).max else np.int32
        self._voxels: NDArray[Any] = np.concatenate(voxels).astype(dtype) if voxels else np.zeros((0, 3), dtype)
        ends = np.cumsum([0, *(len(each) for each in voxels)]).tolist()
        self._ranges = dict(zip(self.keys, pairwise(ends), strict=True))

    @property
    def nbytes(self) -> int:
        """Return how many bytes of memory the voxels take."""
        return int(self._voxels.nbytes)

    def count(self, key: ClassKey) -> int:
        """Return how many sampled voxels of a class there are; 0 if the case lacks it."""
        start, end = self._ranges.get(key, (0, 0))
        return int(end - start)

    def voxel(self, key: ClassKey, number: int) -> list[int]:
        """Return the coordinates of voxel ``number`` of a class, one per axis."""
        found: list[int] = self._voxels[self._ranges[key][0] + number].tolist()
        return found

    def of(self, key: ClassKey) -> NDArray[Any]:
        """Return the voxels (N, axes) of one class; N is 0 if the case lacks it."""
        start, end = self._ranges.get(key, (0, 0))
        return self._voxels[start:end]
