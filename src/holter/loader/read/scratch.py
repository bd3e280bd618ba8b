"""Memory that is taken once and used again."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holter.loader.plan.blosc2_header import nbytes
from holter.loader.records import Shape


class Scratch:
    """BatchBuffer of one thread for what is on its way from one place to another; it only ever grows."""

    def __init__(self) -> None:
        self._bytes = np.empty(0, np.uint8)

    def array(self, shape: Shape, dtype: np.dtype[Any]) -> NDArray[Any]:
        """An uninitialised array, valid until the next call."""
        size = nbytes(shape, dtype)
        if size > self._bytes.size:
            self._bytes = np.empty(math.ceil(size * 1.25), np.uint8)  # a quarter more: the next may be a bit larger
        return self._bytes[:size].view(dtype).reshape(shape)
