"""Memory that is allocated once and used again."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holter.loader.plan.blosc2_header import nbytes
from holter.loader.records import Shape


class Scratch:
    """Temporary memory of one thread; it only grows."""

    def __init__(self) -> None:
        self._bytes = np.empty(0, np.uint8)

    def array(self, shape: Shape, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return an uninitialised array, valid until the next call."""
        size = nbytes(shape, dtype)
        if size > self._bytes.size:
            self._bytes = np.empty(math.ceil(size * 1.25), np.uint8)  # 25 % more: the next may be slightly larger
        return self._bytes[:size].view(dtype).reshape(shape)
