"""Shape and type of an array on disk, read before anything is decompressed."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from holter.errors import coded
from holter.loader.plan.blosc2_header import nbytes, read_frame
from holter.loader.read_errors import FileUnreadable, attributed_to
from holter.loader.records import Shape

BLOSC2 = ".b2nd"
ARCHIVE = ".npz"


class Signature(NamedTuple):
    """Facts that change when a file is rewritten or cut."""

    size_bytes: int
    modified_ns: int
    inode: int


class ArrayFile(NamedTuple):
    """One array on disk: its file, shape and type."""

    path: Path
    member: str | None  # its name in an archive
    shape: Shape
    dtype: np.dtype[Any]
    chunks: Shape | None  # None: not chunked
    signature: Signature
    blocks: Shape | None = None  # the pieces of a chunk; None: not chunked

    @property
    def nbytes(self) -> int:
        """Return the bytes of the whole array in memory, decompressed."""
        return nbytes(self.shape, self.dtype)


def observe(path: Path, member: str | None = None) -> ArrayFile:
    """Read the header of an array file.

    Raises:  FileUnreadable if the file is missing, too short, or not of the type of its name.
    """
    with attributed_to(path):
        signature = signature_of(path)
        if path.suffix == BLOSC2:
            frame = read_frame(path)
            _check_length(signature, frame.length_bytes)
            return ArrayFile(path, None, frame.shape, frame.dtype, frame.chunks, signature, frame.blocks)
        if path.suffix == ARCHIVE:
            with zipfile.ZipFile(path) as archive, archive.open(f"{member}.npy") as opened:
                shape, dtype = _numpy_header(opened)
            return ArrayFile(path, member, shape, dtype, None, signature)
        with path.open("rb") as opened:
            shape, dtype = _numpy_header(opened)
            _check_length(signature, opened.tell() + nbytes(shape, dtype))
        return ArrayFile(path, None, shape, dtype, None, signature)


def signature_of(file: Path | int) -> Signature:
    """Return size in bytes, modification time in ns, and inode of a file, or of an open one by its descriptor."""
    status = os.stat(file)  # noqa: PTH116 -- before every read; half the time of Path.stat
    return Signature(status.st_size, status.st_mtime_ns, status.st_ino)


def check_unchanged(file: ArrayFile) -> None:
    """Raise if a file has changed since its header was read: reading a cut file by memory map kills the process.

    Raises:  FileUnreadable; OSError if it is gone.
    """
    check_same(file.path, file.signature, signature_of(file.path))


def check_same(path: Path, before: Signature, now: Signature) -> None:
    """Raise FileUnreadable if a file has changed."""
    if now != before:
        text = f"changed while in use ({before.size_bytes} bytes before, {now.size_bytes} now)"
        raise FileUnreadable(path, coded("file-changed", text, before=before.size_bytes, now=now.size_bytes))


def _check_length(signature: Signature, wanted: int) -> None:
    if signature.size_bytes < wanted:
        text = f"cut short: {signature.size_bytes} of {wanted} bytes"
        raise ValueError(coded("cut-short", text, size=signature.size_bytes, wanted=wanted))


def _numpy_header(opened: IO[bytes]) -> tuple[Shape, np.dtype[Any]]:
    version = np.lib.format.read_magic(opened)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _is_fortran, dtype = read(opened)
    return shape, dtype
