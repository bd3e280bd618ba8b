"""The C library inside python-blosc2's wheel, called without holding the interpreter's lock.

python-blosc2 4.14 holds the lock during a whole slice: two threads read no faster than one, and the training loop
waits for 8 to 200 ms meanwhile. ctypes releases it. The library here is a second copy in memory next to the one in
python-blosc2's extension: settings of python-blosc2 (its number of threads) do not affect it.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import os
from pathlib import Path
from typing import Any

from holter.errors import coded
from holter.loader.read_errors import NOT_THE_FILE

NAMES = ("libblosc2.so", "libblosc2.dylib")
_MMAP_IO = 1  # BLOSC2_IO_FILESYSTEM_MMAP
# c-blosc2 returns its settings of a memory map by value: a struct with other members than ours would overwrite our
# memory. Compared with the header of these versions.
MAPPED_TESTED = ("3.3.5",)
# The settings of a context are handed over by value, too.
BLOCKS_TESTED = ("3.3.5",)

_Pointer = ctypes.c_void_p
_Sizes = ctypes.POINTER(ctypes.c_int64)


class _Mapping(ctypes.Structure):
    """The C struct ``blosc2_stdio_mmap``."""

    _fields_ = (
        ("mode", ctypes.c_char_p),
        ("initial_mapping_size", ctypes.c_size_t),
        ("needs_free", ctypes.c_bool),
        ("addr", ctypes.c_void_p),
        ("urlpath", ctypes.c_char_p),
        ("file_size", ctypes.c_size_t),
        ("mapping_size", ctypes.c_size_t),
        ("is_memory_only", ctypes.c_bool),
        ("file", ctypes.c_void_p),
        ("fd", ctypes.c_int),
        ("access_flags", ctypes.c_int64),
        ("map_flags", ctypes.c_int64),
    )


class _Io(ctypes.Structure):
    """The C struct ``blosc2_io``."""

    _fields_ = (("id", ctypes.c_uint8), ("name", ctypes.c_char_p), ("params", ctypes.c_void_p))


class _Decompression(ctypes.Structure):
    """The C struct ``blosc2_dparams``."""

    _fields_ = (
        ("nthreads", ctypes.c_int16),
        ("schunk", ctypes.c_void_p),
        ("postfilter", ctypes.c_void_p),
        ("postparams", ctypes.c_void_p),
        ("typesize", ctypes.c_int32),
    )


class Handle:
    """An open array, for one thread at a time. ``chunks``: the address of its chunks; ``kept``: what C points to."""

    def __init__(self, pointer: int | None, chunks: int | None, kept: tuple[object, ...]) -> None:
        self.pointer, self.chunks, self.kept = pointer, chunks, kept
        self.context: int | None = None  # to read single blocks, once it was asked for


class Library:
    """The functions of the C library that the loader needs."""

    def __init__(self, path: Path) -> None:
        self._c = c = ctypes.CDLL(str(path), use_errno=True)
        c.b2nd_free.argtypes = [_Pointer]
        c.b2nd_get_slice_cbuffer.argtypes = [_Pointer, _Sizes, _Sizes, _Pointer, _Sizes, ctypes.c_int64]
        c.b2nd_from_schunk.argtypes = [_Pointer, ctypes.POINTER(_Pointer)]
        c.blosc2_schunk_open.argtypes = [ctypes.c_char_p]
        c.blosc2_schunk_open.restype = _Pointer
        c.blosc2_schunk_free.argtypes = [_Pointer]
        c.blosc2_schunk_open_udio.argtypes = [ctypes.c_char_p, ctypes.POINTER(_Io)]
        c.blosc2_schunk_open_udio.restype = _Pointer
        c.blosc2_get_blosc2_stdio_mmap_defaults.restype = _Mapping
        c.blosc2_create_dctx.argtypes = [_Decompression]
        c.blosc2_create_dctx.restype = _Pointer
        c.blosc2_free_ctx.argtypes = [_Pointer]
        c.blosc2_free_ctx.restype = None
        c.blosc2_get_version_string.restype = ctypes.c_char_p
        c.blosc2_init.restype = None
        c.blosc2_init()
        # For the compiled kernels, which read many boxes in one call: ``Blosc2`` of reads.h.
        calls = (c.b2nd_get_slice_cbuffer, c.blosc2_schunk_get_lazychunk, c.blosc2_getitem_ctx)
        self._calls = (_Pointer * len(calls))(*(ctypes.cast(call, _Pointer) for call in calls))
        self.calls_address = ctypes.addressof(self._calls)
        self.version: str = c.blosc2_get_version_string().decode()

    def open(self, file: Path) -> Handle:
        """Open a ``.b2nd`` file for reading; the system keeps it open until ``close``.

        Raises:  OSError if the library refuses.
        """
        ctypes.set_errno(0)
        chunks = self._c.blosc2_schunk_open(bytes(file))
        array, code = self._array(chunks)
        if array is None:
            raise _error(coded("blosc2-cannot-open", f"libblosc2 cannot open it (code {code})", number=code))
        return Handle(array, chunks, ())

    def open_mapped(self, file: Path) -> Handle:
        """Open as ``open``, but through a memory map: over a network a box takes tens of round trips, not a thousand.

        Raises:  OSError if the library refuses, or if its version is not in ``MAPPED_TESTED``.
        """
        if self.version not in MAPPED_TESTED:
            text = f"c-blosc2 {self.version}: memory maps were compared with {', '.join(MAPPED_TESTED)}"
            raise OSError(coded("map-version", text, version=self.version, compared=MAPPED_TESTED))
        name, mapping = bytes(file), self._c.blosc2_get_blosc2_stdio_mmap_defaults()
        mapping.mode, mapping.needs_free = b"r", False
        io = _Io(_MMAP_IO, b"filesystem_mmap", ctypes.cast(ctypes.pointer(mapping), ctypes.c_void_p))
        ctypes.set_errno(0)
        chunks = self._c.blosc2_schunk_open_udio(name, ctypes.byref(io))
        array, _ = self._array(chunks)
        if array is None:
            raise _error(coded("blosc2-cannot-map", "libblosc2 cannot open it through a memory map"))
        return Handle(array, chunks, (name, mapping, io))

    def _array(self, chunks: int | None) -> tuple[int | None, int]:
        # The address of the array in these chunks, or None, and the library's code. What is no array (a blosc2 file of
        # another kind) is closed: b2nd_open leaves its descriptor open, and a damaged case is tried again and again.
        array = _Pointer()
        code = self._c.b2nd_from_schunk(chunks, ctypes.byref(array))
        if code >= 0 and array.value:
            return array.value, code
        if chunks:
            self._c.blosc2_schunk_free(chunks)
        return None, code

    def read(self, handle: Handle, start: Any, stop: Any, address: int, strides: Any, size_bytes: int) -> None:
        """Decompress the box ``[start, stop)`` to a memory address.

        ``strides``: the shape of the buffer around it. ``size_bytes``: the size of that buffer.
        Raises:  OSError if the library fails.
        """
        ctypes.set_errno(0)
        code = self._c.b2nd_get_slice_cbuffer(handle.pointer, start, stop, address, strides, size_bytes)
        if code < 0:
            raise _error(coded("blosc2-cannot-read", f"libblosc2 cannot decompress it (code {code})", number=code))

    def context_of(self, handle: Handle, item_bytes: int) -> int:
        """Return the address of a context to read single blocks of an array; 0 if this version was not compared.

        It lives as long as the handle. ``item_bytes``: of a voxel.
        """
        if handle.context is None and self.version in BLOCKS_TESTED:
            settings = _Decompression(nthreads=1, schunk=handle.chunks, typesize=item_bytes)
            handle.context = self._c.blosc2_create_dctx(settings)
        return handle.context or 0

    def close(self, handle: Handle) -> None:
        """Free everything that belongs to a handle; a later read raises an error and does no other harm."""
        if handle.context is not None:
            self._c.blosc2_free_ctx(handle.context)
        self._c.b2nd_free(handle.pointer)
        handle.pointer = handle.chunks = handle.context = None


def _error(what: str) -> OSError:
    # The library reports only a failure; errno shows whether this process ran out of memory or descriptors.
    number = ctypes.get_errno()
    return OSError(number, f"{what}: {os.strerror(number)}") if number in NOT_THE_FILE else OSError(what)


@functools.cache
def library() -> Library | None:
    """Return the library of the installed wheel; None if it is missing or lacks a call."""
    spec = importlib.util.find_spec("blosc2")
    if spec is None or spec.origin is None:
        return None
    for name in NAMES:
        file = Path(spec.origin).parent / "lib" / name
        if file.exists():
            try:
                return Library(file)
            except (OSError, AttributeError):
                return None
    return None
