"""Read the boxes of many samples in one native call, without the interpreter's lock in between.

A thread that reads with Python releases the lock and takes it back five times per sample. Beside a training that
makes many small calls of its own, the two threads would wait for each other. The structure is ``Read`` of the kernels'
``api.h``.
"""

from __future__ import annotations

from array import array
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from holter.loader.records import Region, Shape

# api.h's Type. Others are read with Python: a float16 image that is kept in memory, foreign bytes.
TYPES = {np.dtype(np.float32): 0, np.dtype(np.int8): 1, np.dtype(np.uint8): 2, np.dtype(np.int16): 3}
FLOAT32 = 0
SIGN = 1 << 63


class Native(NamedTuple):
    """An open array as the native code reads it."""

    head: tuple[int, ...]  # the first numbers of ``Read``: file, c-blosc2's addresses, memory, type, shape and pieces
    kind: int  # of ``TYPES``
    shape: Shape  # (C, z, y, x)
    kept: Any  # what the numbers point to


def native_file(
    path: bytes,
    signature: tuple[int, int, int],
    addresses: tuple[int, int, int],
    about: NDArray[Any],
    chunks: Shape | None,
    blocks: Shape | None,
) -> Native | None:
    """Return an open ``.b2nd`` file as the native code reads it; None if its type is not supported.

    ``signature``: the file must still have it when it is read. ``addresses``: c-blosc2's of the array, of its chunks,
    and of a context to read single blocks, or 0. ``about``: any array of its shape and type. ``chunks``, ``blocks``:
    their sizes in voxels.
    """
    held = np.frombuffer(path + b"\0", np.uint8)
    array, *others = addresses
    if chunks is None or blocks is None or min(*chunks, *blocks) < 1:
        others = [0, 0]
    pieces = (chunks or (0,) * about.ndim, blocks or (0,) * about.ndim)
    return _native(about, (held.ctypes.data, *_signed(signature), array, *others, 0), pieces, held)


def native_array(voxels: NDArray[Any]) -> Native | None:
    """Return an array in memory as the native code reads it; None if its type or order is not supported."""
    if not voxels.flags.c_contiguous:
        return None
    none = (0,) * voxels.ndim
    return _native(voxels, (0, 0, 0, 0, 0, 0, 0, voxels.ctypes.data), (none, none), voxels)


def _native(about: NDArray[Any], head: tuple[int, ...], pieces: tuple[Shape, Shape], kept: Any) -> Native | None:
    kind = TYPES.get(about.dtype)
    if kind is None or about.ndim not in (3, 4):
        return None
    missing = (1,) * (4 - about.ndim)
    shape = (*missing, *about.shape)
    sizes = [size for piece in pieces for size in (*missing, *piece)]
    return Native((*head, about.ndim, kind, *shape, *sizes), kind, shape, kept)


def _signed(numbers: tuple[int, int, int]) -> list[int]:
    # Some network file systems number their files with all 64 bits.
    return [number - 2 * SIGN if number >= SIGN else number for number in numbers]


def add_read(to: array[int], source: Native, region: Region, address: int, kind: int, outside: int) -> None:
    """Append one read to the list ``to``: a region of all channels of an array, to dense memory at ``address``.

    ``kind``: the type of that memory, as in ``TYPES``. ``outside``: the value of voxels outside the array.
    """
    channels, *shape = source.shape
    lower, upper = region
    start = [min(max(low, 0), extent) for low, extent in zip(lower, shape, strict=True)]
    stop = [max(min(high, extent), 0) for high, extent in zip(upper, shape, strict=True)]
    size = [high - low for low, high in zip(lower, upper, strict=True)]
    at = [first - low for first, low in zip(start, lower, strict=True)]
    to.extend((*source.head, 0, *start, channels, *stop, address, kind, channels, *size, 0, *at, outside))
