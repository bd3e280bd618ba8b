"""Arrays on disk in several formats, opened once; each reads any box into memory of the caller."""

from __future__ import annotations

import ctypes
import math
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from holter.loader.plan.blosc2_header import nbytes
from holter.loader.plan.files import ArrayFile, check_unchanged
from holter.loader.read.libblosc2 import Library
from holter.loader.read.scratch import Scratch
from holter.loader.read.together import Native, native_array, native_file
from holter.loader.records import Shape


class Source(Protocol):
    """An open array, for one thread at a time."""

    @property
    def shape(self) -> Shape:
        """Return the size of all axes."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """Return the type of the array as it is stored."""
        ...

    @property
    def native(self) -> Native | None:
        """Return what the compiled kernels need to read the array; None if they cannot."""
        ...

    def read(self, start: Shape, stop: Shape, out: NDArray[Any]) -> None:
        """Fill ``out``, of the same type, with ``[start, stop)``.

        ``out`` may be part of a larger C-ordered buffer; the bytes between its rows there may be overwritten.
        """
        ...

    def close(self) -> None:
        """Close the array; do not read from it afterwards."""
        ...


class Blosc2Source:
    """A ``.b2nd`` file through the C library: the interpreter's lock is released while it reads and decompresses."""

    def __init__(self, library: Library, file: ArrayFile, scratch: Scratch, is_mapped: bool) -> None:
        check_unchanged(file)
        self.shape, self.dtype = file.shape, file.dtype
        self._file, self._library, self._scratch = file, library, scratch
        self._handle = (library.open_mapped if is_mapped else library.open)(file.path)
        self._sizes = ctypes.c_int64 * len(file.shape)

    @cached_property
    def native(self) -> Native | None:
        """Return what the compiled kernels need to read the file; None if they cannot."""
        file, handle = self._file, self._handle
        about = np.broadcast_to(np.empty((), file.dtype), file.shape)
        context = self._library.context_of(handle, file.dtype.itemsize)
        addresses = (handle.pointer or 0, handle.chunks or 0, context)
        return native_file(bytes(file.path), file.signature, addresses, about, file.chunks, file.blocks)

    def read(self, start: Shape, stop: Shape, out: NDArray[Any]) -> None:
        """Fill ``out`` with the box, as ``Source.read``; raise FileUnreadable if the file has changed."""
        check_unchanged(self._file)
        # c-blosc2 3.3.5 clears as many bytes as the box has before it puts rows in their places. If a box is exactly
        # one chunk, it may decompress directly to the address, as if the buffer were dense, whatever its shape.
        is_chunk = self._file.chunks is not None and out.size == math.prod(self._file.chunks)
        if out.flags.c_contiguous or not is_chunk:
            self._read(start, stop, out)
        else:
            dense = self._scratch.array(out.shape, self.dtype)
            self._read(start, stop, dense)
            np.copyto(out, dense)

    def _read(self, start: Shape, stop: Shape, out: NDArray[Any]) -> None:
        around, size = self._sizes(*surrounding_shape(out)), nbytes(out.shape, self.dtype)
        self._library.read(self._handle, self._sizes(*start), self._sizes(*stop), out.ctypes.data, around, size)

    def close(self) -> None:
        """Close the file."""
        self._library.close(self._handle)


class ArraySource:
    """An array in memory, or a memory map of a ``.npy`` file: numpy copies without the interpreter's lock."""

    def __init__(self, array: NDArray[Any], file: ArrayFile | None = None) -> None:
        """``file``: the file that ``array`` maps; None: not a map, so it cannot change."""
        self.shape, self.dtype = array.shape, array.dtype
        self._array, self._file = array, file
        self.native = native_array(array) if file is None else None

    def read(self, start: Shape, stop: Shape, out: NDArray[Any]) -> None:
        """Fill ``out`` with the box, as ``Source.read``; raise FileUnreadable if a mapped file has changed."""
        if self._file is not None:
            check_unchanged(self._file)
        np.copyto(out, self._array[tuple(map(slice, start, stop))], casting="same_kind")

    def close(self) -> None:
        """Do nothing; the array is released with its last user."""


class PythonSource:
    """A ``.b2nd`` file through python-blosc2: always correct, but the training loop waits while it reads."""

    native = None

    def __init__(self, file: ArrayFile) -> None:
        import blosc2

        check_unchanged(file)
        self.shape, self.dtype = file.shape, file.dtype
        self._file = file
        try:
            self._array = blosc2.open(urlpath=str(file.path), mode="r", dparams={"nthreads": 1})
        except RuntimeError as error:  # python-blosc2 raises it for every error of the C library
            raise OSError(str(error)) from error

    def read(self, start: Shape, stop: Shape, out: NDArray[Any]) -> None:
        """Fill ``out`` with the box, as ``Source.read``; raise OSError for errors of the C library."""
        check_unchanged(self._file)
        try:
            out[...] = self._array[tuple(map(slice, start, stop))]
        except RuntimeError as error:
            raise OSError(str(error)) from error

    def close(self) -> None:
        """Do nothing; the array is released with its last user."""


def surrounding_shape(part: NDArray[Any]) -> Shape:
    """Return the shape of the dense buffer that ``part`` is a corner of, derived from its strides."""
    widths = [outer // inner for outer, inner in zip(part.strides, part.strides[1:], strict=False)]
    return (part.shape[0], *widths)
