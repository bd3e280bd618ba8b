"""Read the first bytes of a ``.b2nd`` file without any library.

python-blosc2 may hold the interpreter's lock while it opens a file, so a hung disk would stop the training loop.
The header is short, and reading it with ``open`` blocks only the thread that reads.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from holter.errors import coded
from holter.loader.records import Shape

MAGIC = b"b2frame\0"
_MAGIC_AT = 2
_HEADER_LENGTH_AT = slice(11, 15)  # after the marker of a big-endian int32
_FRAME_LENGTH_AT = slice(16, 24)  # after the marker of a big-endian uint64
_NAME = b"\xa4b2nd\xd2"  # a string of four, then an int32: the offset of the array's description in the header
_BINARY = 0xC6  # msgpack's marker of bytes with a 32-bit length
_FIRST_READ = 4096  # longer than the header of any array that nnU-Net writes


class Frame(NamedTuple):
    """Shape, chunks, blocks and type of an array, and the length that its file must have."""

    shape: Shape
    chunks: Shape
    blocks: Shape
    dtype: np.dtype[Any]
    length_bytes: int


def read_frame(file: Path) -> Frame:
    """Read the header of a contiguous Blosc2 frame with an N-dimensional array.

    Raises:  ValueError if it is something else; OSError; struct or msgpack errors if it is damaged.
    Source:  c-blosc2, README_CFRAME_FORMAT.rst and README_B2ND_METALAYER.rst.
    """
    with file.open("rb") as opened:
        head = opened.read(_FIRST_READ)
        if head[_MAGIC_AT : _MAGIC_AT + len(MAGIC)] != MAGIC:
            raise ValueError(
                coded("not-blosc2", "not a Blosc2 file") if head else coded("file-empty", "the file is empty")
            )
        length = int.from_bytes(head[_HEADER_LENGTH_AT], "big")
        head += opened.read(max(0, length - len(head)))
    version, dimensions, shape, chunks, blocks, *kind = msgspec.msgpack.decode(_description(head[:length]))
    if version != 0 or dimensions != len(shape):
        text = f"version {version} of the array's description is not known"
        raise ValueError(coded("array-version", text, version=str(version)))
    dtype = np.dtype(kind[1] if len(kind) > 1 else "|u1")
    length = int.from_bytes(head[_FRAME_LENGTH_AT], "big")
    return Frame(tuple(shape), tuple(chunks), tuple(blocks), dtype, length)


def nbytes(shape: Shape, dtype: np.dtype[Any]) -> int:
    """Return the bytes of an array in memory."""
    return math.prod(shape) * dtype.itemsize


def _description(header: bytes) -> bytes:
    name_at = header.find(_NAME)
    if name_at < 0:
        raise ValueError(coded("no-array", "a Blosc2 file, but not of an array with axes"))
    offset_at = name_at + len(_NAME)
    at = int.from_bytes(header[offset_at : offset_at + 4], "big")
    if at + 5 > len(header) or header[at] != _BINARY:
        raise ValueError(coded("header-damaged", "the header is damaged"))
    length = int.from_bytes(header[at + 1 : at + 5], "big")
    return header[at + 5 : at + 5 + length]
