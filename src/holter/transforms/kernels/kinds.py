"""The kinds of steps that the compiled kernels know, and what they are given besides: ``api.h`` and ``stage.h``."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

# enum Kind of api.h
PLACE, MULTIPLY, CONTRAST, GAMMA, NOISE, BLUR, COARSEN, MIRROR, MASK, REPLACE, MEDIAN = range(11)
ADD, SHARPEN, RECTANGLE, GRADIENT, LOCAL_GAMMA, REORDER, ONE_HOT, DROP, OPERATE, COMPONENT = range(11, 21)
GROW, SHRINK, GROW_SHRINK, SHRINK_GROW = range(4)  # enum Operator of stage.h

Numbers: TypeAlias = list[float]
Encode: TypeAlias = Callable[[Any, Numbers], None]  # the draw of a step, and the list that its numbers are added to


MOST_LEVELS = 8
MOST_VOXELS = 2**31 - 2**20  # of a channel that is read: the kernels count in 32 bits
SAMPLE_NUMBERS = 11  # of Sample

Shape = tuple[int, ...]


class Level(ctypes.Structure):
    """One resolution of the target, for deep supervision."""

    _fields_ = [("out", ctypes.c_void_p), ("size", ctypes.c_int64 * 3), ("source", ctypes.c_void_p * 3)]


class Layout(ctypes.Structure):
    """The sizes, types and addresses that are the same for all samples of a batch."""

    _fields_ = [
        *((name, ctypes.c_int32) for name in ("moved_axes", "channels", "seg_channels", "label_bytes")),
        *((name, ctypes.c_int32) for name in ("image_is_linear", "seg_is_linear", "pad", "is_fused")),
        *((name, ctypes.c_int32) for name in ("regions", "cuts", "read_channels")),
        ("source", ctypes.c_int64 * 3), ("patch", ctypes.c_int64 * 3),
        ("image", ctypes.c_void_p), ("seg", ctypes.c_void_p), ("region_table", ctypes.c_void_p),
        ("table_first", ctypes.c_int64), ("table_labels", ctypes.c_int64), ("region_channel", ctypes.c_int64),
        ("levels", ctypes.c_int64), ("level", Level * MOST_LEVELS),
    ]  # fmt: skip


def three(sizes: Sequence[int]) -> Shape:
    """Return the sizes of three axes; a missing first one is 1."""
    return (*(1,) * (3 - len(sizes)), *sizes)
