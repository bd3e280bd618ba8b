"""Compute the checksums of a snapshot in the writing thread instead of while the training waits.

Torch computes the CRC of every tensor inside ``torch.save``, 0.7 s for each GB: half of the cost of a snapshot. Newer
versions can leave it out. The CRCs are filled in here, in the writing thread, so the final file is what torch would
have written.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any

CHUNK_BYTES = 4 << 20
NUMBER = struct.Struct("<I")
LOCAL_BYTES, LOCAL_CRC_AT, LENGTHS_AT, LENGTHS = 30, 14, 26, struct.Struct("<HH")
ENTRY_BYTES, ENTRY_CRC_AT, ENTRY_LENGTHS_AT, ENTRY_LENGTHS = 46, 16, 28, struct.Struct("<HHH")
DESCRIPTOR, HAS_DESCRIPTOR = b"PK\x07\x08", 0x08
SWITCH = "get_crc32_options"  # of torch.serialization, since 2.6


def without(
    save: Callable[..., Any], patch_on_thread: Callable[..., Callable[[], None]], serialization: Any
) -> Callable[..., Any] | None:
    """Return a function that calls ``save`` but leaves out the checksums, only on the thread that calls it.

    None if this torch cannot omit them, or if ``fill_in`` does not understand the file that is written then.

    ``save``: torch's own. ``patch_on_thread``: as in ``snapshots``. ``serialization``: the module
    ``torch.serialization``.
    """
    if not hasattr(serialization, SWITCH):
        return None

    def save_without(content: Any, file: Any) -> None:
        give_back = patch_on_thread(serialization, SWITCH, lambda _: lambda: False)
        try:
            save(content, file)
        finally:
            give_back()

    return save_without if _is_understood(save_without) else None


def _is_understood(save: Callable[..., Any]) -> bool:
    # Try a small file first: a snapshot whose checksums cannot be filled in later would be lost.
    trial = io.BytesIO()
    try:
        save({"trial": [1.0]}, trial)
        fill_in(trial, lambda: None)
        return zipfile.ZipFile(trial).testzip() is None
    except Exception:
        return False


def fill_in(buffer: io.BytesIO, moved: Callable[[], None]) -> None:
    """Write the missing CRC of every member into the checkpoint in ``buffer``; ``moved`` is called after each chunk."""
    with buffer.getbuffer() as view:
        for entry, member in _members(buffer, view):
            local = member.header_offset
            begin = local + LOCAL_BYTES + sum(LENGTHS.unpack_from(view, local + LENGTHS_AT))
            end = begin + member.file_size
            crc = 0
            for at in range(begin, end, CHUNK_BYTES):
                crc = zlib.crc32(view[at : min(at + CHUNK_BYTES, end)], crc)
                moved()
            NUMBER.pack_into(view, entry + ENTRY_CRC_AT, crc)
            if member.flag_bits & HAS_DESCRIPTOR and view[end : end + 4] == DESCRIPTOR:
                NUMBER.pack_into(view, end + 4, crc)
            else:
                NUMBER.pack_into(view, local + LOCAL_CRC_AT, crc)


def _members(buffer: io.BytesIO, view: memoryview) -> Iterator[tuple[int, zipfile.ZipInfo]]:
    # Yields the offset of the directory entry, and the member.
    with zipfile.ZipFile(buffer) as archive:
        members, at = archive.infolist(), archive.start_dir
    for member in members:
        yield at, member
        at += ENTRY_BYTES + sum(ENTRY_LENGTHS.unpack_from(view, at + ENTRY_LENGTHS_AT))
