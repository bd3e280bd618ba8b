"""The foreground voxels of a case, left in nnU-Net's file: for data sets whose voxels would fill the memory.

With 120 labels a case has 38 MB of them, and unpickling these takes 17 ms with the interpreter's lock held. A sample
needs one voxel. So the file is scanned once for the positions of its arrays, and a voxel is read from there.
"""

from __future__ import annotations

import os
import pickle
import struct
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from holter.loader.plan.files import check_same, signature_of
from holter.loader.plan.foreground import ForegroundLocations
from holter.loader.records import ClassKey

BYTES_A_CLASS = 300  # of memory, for one entry


class _Left(NamedTuple):
    """Bytes that were left in the file."""

    start: int
    length: int


class _Array:
    """An array of a pickle; its voxels may have been left in the file."""

    shape: tuple[int, ...] = (0,)
    dtype: np.dtype[Any] = np.dtype(np.int64)
    is_fortran = False
    voxels: Any = b""

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, self.shape, self.dtype, self.is_fortran, self.voxels = state

    def __len__(self) -> int:
        return self.shape[0]


_InPython: Any = pickle._Unpickler  # its steps can be replaced


class _Scanner(_InPython):  # type: ignore[misc]
    """Unpickles everything but the content of large arrays, which it skips."""

    dispatch = dict(_InPython.dispatch)  # noqa: RUF012

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self._file = file

    def find_class(self, module: str, name: str) -> Any:
        """Return our array for numpy's."""
        if name == "_reconstruct" and module.startswith("numpy"):
            return lambda *_: _Array()
        return super().find_class(module, name)

    def _bytes(self, format_: str) -> None:
        (length,) = struct.unpack(format_, self.read(struct.calcsize(format_)))
        if self._unframer.current_frame is not None:  # small: in a frame with others
            self.append(self.read(length))
            return
        self.append(_Left(self._file.tell(), length))
        self._file.seek(length, os.SEEK_CUR)

    dispatch[pickle.BINBYTES[0]] = lambda self: self._bytes("<I")
    dispatch[pickle.BINBYTES8[0]] = lambda self: self._bytes("<Q")


class FileLocations:
    """The same interface as ``ForegroundLocations``, but each voxel is read from the file."""

    def __init__(self, file: Path) -> None:
        """Scan the file. Raises: many errors if it is not as nnU-Net writes it today."""
        self._file = file
        with file.open("rb") as opened:
            self._signature = signature_of(opened.fileno())
            arrays = _Scanner(opened).load()["class_locations"]
        self._left = {key: each for key, each in arrays.items() if len(each)}
        for each in self._left.values():
            if not isinstance(each, _Array) or len(each.shape) != 2 or each.dtype.kind not in "iu":
                raise ValueError("class_locations are no arrays of voxels")
        self.keys: tuple[ClassKey, ...] = tuple(self._left)

    @property
    def nbytes(self) -> int:
        """Return an estimate of the memory that this object takes, in bytes."""
        small = sum(len(each.voxels) for each in self._left.values() if not isinstance(each.voxels, _Left))
        return BYTES_A_CLASS * len(self.keys) + small

    def count(self, key: ClassKey) -> int:
        """Return how many voxels of a class there are."""
        each = self._left.get(key)
        return 0 if each is None else len(each)

    def voxel(self, key: ClassKey, number: int) -> list[int]:
        """Return the coordinates of voxel ``number`` of a class, one per axis.

        Raises:  FileUnreadable if the file has changed; OSError.
        """
        each = self._left[key]
        rows, columns = each.shape
        size = each.dtype.itemsize
        if each.is_fortran:
            places = [(column * rows + number) * size for column in range(1, columns)]
            return [int(np.frombuffer(self._read(each, at, size), each.dtype)[0]) for at in places]
        row = self._read(each, number * columns * size, columns * size)
        found: list[int] = np.frombuffer(row, each.dtype)[1:].tolist()
        return found

    def _read(self, each: _Array, start: int, length: int) -> bytes:
        held = each.voxels
        if not isinstance(held, _Left):
            small: bytes = held[start : start + length]
            return small
        with self._file.open("rb", buffering=0) as opened:
            check_same(self._file, self._signature, signature_of(opened.fileno()))
            return os.pread(opened.fileno(), length, held.start + start)


Locations = ForegroundLocations | FileLocations
