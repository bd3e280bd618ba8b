"""Read a box of a case directly to its place; fill the parts that are outside the case."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from holter.errors import coded
from holter.loader.read.scratch import Scratch
from holter.loader.read.sources import ArraySource, Source
from holter.loader.records import Region

IMAGE_OUTSIDE = 0
SEG_OUTSIDE = -1


def read_box(source: Source, region: Region, out: NDArray[Any], outside: int, scratch: Scratch) -> None:
    """Fill ``out`` with a region of an array; voxels outside the array become ``outside``.

    Shapes:  source (C, z, y, x) and out (C, *region.size), or both without C.
    Raises:  OSError if it cannot be read; ValueError if a value does not fit into the type of ``out``.
    Source:  acvl_utils crop_and_pad_nd, except that a box wholly outside gives ``outside`` there too.
    """
    axes = len(region.lower)
    leading, shape = source.shape[:-axes], source.shape[-axes:]
    whole = (0,) * len(leading)
    if min(region.lower) >= 0 and all(high <= extent for high, extent in zip(region.upper, shape, strict=True)):
        _read_as(source, (*whole, *region.lower), (*leading, *region.upper), out, scratch)
        return
    start = tuple(min(max(low, 0), extent) for low, extent in zip(region.lower, shape, strict=True))
    stop = tuple(max(min(high, extent), 0) for high, extent in zip(region.upper, shape, strict=True))
    if any(high <= low for low, high in zip(start, stop, strict=True)):
        out[...] = outside
        return
    inside = tuple(
        slice(low - origin, high - origin) for low, high, origin in zip(start, stop, region.lower, strict=True)
    )
    _read_as(source, (*whole, *start), (*leading, *stop), _part(out, inside), scratch)
    # After reading: the C library may have written into the margins between the rows.
    _fill_around(out, inside, outside)


def _fill_around(out: NDArray[Any], inside: tuple[slice, ...], value: int) -> None:
    # Fill the slabs before and after ``inside``, axis by axis, each voxel once.
    done: tuple[slice, ...] = ()
    for axis, part in enumerate(inside):
        rest = (slice(None),) * (len(inside) - axis - 1)
        if part.start > 0:
            _part(out, (*done, slice(None, part.start), *rest))[...] = value
        if part.stop < out.shape[out.ndim - len(inside) + axis]:
            _part(out, (*done, slice(part.stop, None), *rest))[...] = value
        done = (*done, part)


def _part(out: NDArray[Any], last: tuple[slice, ...]) -> NDArray[Any]:
    # A view: all of the leading axes, and the given slices of the last ones.
    first = (slice(None),) * (out.ndim - len(last))
    view: NDArray[Any] = out[first + last]
    return view


def _read_as(
    source: Source, start: tuple[int, ...], stop: tuple[int, ...], out: NDArray[Any], scratch: Scratch
) -> None:
    is_copy = isinstance(source, ArraySource) and np.can_cast(source.dtype, out.dtype)
    if source.dtype == out.dtype or is_copy:
        source.read(start, stop, out)
        return
    # A separate view for the source: Blosc2Source may need scratch memory too, but only if the types are equal.
    read = scratch.array(out.shape, source.dtype)
    source.read(start, stop, read)
    if out.dtype.kind == "i" and not np.can_cast(source.dtype, out.dtype):
        _check_fits(read, out.dtype)
    np.copyto(out, read, casting="unsafe")


def _check_fits(values: NDArray[Any], dtype: np.dtype[Any]) -> None:
    # nnU-Net would continue with a label that has no output of the network and fail later with a CUDA assert.
    least, greatest = values.min(), values.max()
    limits = np.iinfo(dtype)
    if least < limits.min or greatest > limits.max:
        text = f"labels {least} to {greatest}, more than the data set declares"
        raise ValueError(coded("labels-undeclared", text, least=int(least), greatest=int(greatest)))
