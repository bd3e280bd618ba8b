"""The zip archives of torch: members one after another, uncompressed, then a directory."""

from __future__ import annotations

import struct
import zipfile
from typing import IO

from ..remarks import Remark, plain, remark
from . import pickle_reader

CHUNK_BYTES = 4 << 20
# The last record of a zip archive: signature, disks, entries here, in all, size, offset, length of a comment. Torch
# puts two before it: signature, length, versions, two disks, entries here, in all, size, offset; and its position.
END, END64, LOCATOR64 = struct.Struct("<4sIHHIIH"), struct.Struct("<4sQHHIIQQQQ"), struct.Struct("<4sIQI")
# An entry of the directory, and the offset in it of the lengths of its three variable parts.
ENTRY_BYTES, LENGTHS_AT, LENGTHS = 46, 28, struct.Struct("<HHH")
DAMAGED = remark("directory-damaged")
ENDS_BYTES = END64.size + LOCATOR64.size + END.size
USUAL_FLAGS, DIRECTORY, LOCAL_HEADER_BYTES = 0x0808, 0x10, 30
ZIP_BEGINS = b"PK\x03\x04"


class BadCheckpoint(Exception):
    """The checkpoint file is damaged; ``kind`` as in ``verify.Checked``."""

    def __init__(self, kind: str, problem: Remark) -> None:
        super().__init__(plain(problem))
        self.kind, self.problem = kind, problem


def open_archive(file: IO[bytes], size: int) -> zipfile.ZipFile:
    """Open the archive as torch's reader would, with more checks; raises BadCheckpoint."""
    if size == 0:
        raise BadCheckpoint("torn", remark("empty"))
    begin = file.read(CHUNK_BYTES)
    if not begin.strip(b"\0"):
        raise BadCheckpoint("torn", remark("zeros"))
    if not begin.startswith(ZIP_BEGINS):
        raise BadCheckpoint("foreign", remark("not-a-checkpoint"))
    _check_end(file, size)
    try:
        return zipfile.ZipFile(file)
    except zipfile.BadZipFile:
        raise BadCheckpoint("torn", remark("cut-off")) from None
    except OSError:
        raise
    except Exception as error:  # zipfile passes invalid numbers on to struct, seek and decode
        raise BadCheckpoint("torn", remark("directory-damaged-error", error=str(error))) from None


def _check_end(file: IO[bytes], size: int) -> None:
    # No checksum protects these records, and torch's reader is stricter about them than Python's.
    file.seek(max(size - ENDS_BYTES, 0))
    ends = file.read(ENDS_BYTES)
    signature, *disks, here, entries, length, at, comment = END.unpack(ends[-END.size :].rjust(END.size, b"\0"))
    if signature != b"PK\x05\x06" or any(disks) or here != entries or comment:
        raise BadCheckpoint("torn", remark("cut-off"))
    if len(ends) == ENDS_BYTES and (locator := LOCATOR64.unpack(ends[END64.size : -END.size]))[0] == b"PK\x06\x07":
        signature, rest, _, _, *disks, here, entries, length, at = END64.unpack(ends[: END64.size])
        is_sound = (signature, rest) == (b"PK\x06\x06", END64.size - 12) and not any(disks) and here == entries
        if not is_sound or locator[1:] != (0, size - ENDS_BYTES, 1):
            raise BadCheckpoint("torn", DAMAGED)
    if at + length > size:
        raise BadCheckpoint("torn", DAMAGED)
    file.seek(at)
    _check_entries(file.read(length), entries)


def _check_entries(directory: bytes, entries: int) -> None:
    # The entries must fill the directory: Python ignores surplus bytes.
    at = 0
    while directory.startswith(b"PK\x01\x02", at) and at + ENTRY_BYTES <= len(directory):
        at += ENTRY_BYTES + sum(LENGTHS.unpack_from(directory, at + LENGTHS_AT))
        entries -= 1
    if entries or at != len(directory):
        raise BadCheckpoint("torn", DAMAGED)


def find_index(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    """Return the member that describes all others (``data.pkl``); raises BadCheckpoint."""
    members = archive.infolist()
    indexes = [member for member in members if member.filename.endswith("/data.pkl")]
    if len(indexes) != 1 or indexes[0].filename.count("/") != 1:
        raise BadCheckpoint("foreign", remark("no-index"))
    # Torch never compresses. A compressed file is another program's and might grow without limit when read.
    if any(member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1 for member in members):
        raise BadCheckpoint("foreign", remark("compressed"))
    _check_layout(members, archive.start_dir)
    return indexes[0]


def _check_layout(members: list[zipfile.ZipInfo], end: int) -> None:
    # Members must follow one another without overlap, in a form that torch's reader accepts.
    for member in sorted(members, key=lambda info: info.header_offset, reverse=True):
        odd = member.flag_bits & ~USUAL_FLAGS or member.external_attr & DIRECTORY or member.volume
        begin = member.header_offset + LOCAL_HEADER_BYTES + len(member.filename)
        if odd or member.file_size != member.compress_size or begin + member.file_size > end:
            raise BadCheckpoint("torn", DAMAGED)
        end = member.header_offset


def bytes_of(archive: zipfile.ZipFile, index: zipfile.ZipInfo) -> bytes:
    """Return the bytes of the index, its CRC verified; raises BadCheckpoint or TooLarge."""
    if index.file_size > pickle_reader.MAX_BYTES:
        raise pickle_reader.TooLarge(remark("pickle-too-large"))
    parts: list[bytes] = []
    check_bytes(archive, index, "data.pkl", parts)
    return b"".join(parts)


def check_bytes(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str, into: list[bytes] | None = None) -> None:
    """Read one member of a checkpoint's archive and compare it with its CRC; append its bytes to ``into`` if given.

    ``name``: what the error calls the member. Raises BadCheckpoint if it is damaged, OSError if it cannot be read.
    """
    try:
        with archive.open(member) as stream:  # compares the CRC at the end of the stream
            while part := stream.read(CHUNK_BYTES):
                if into is not None:
                    into.append(part)
    except zipfile.BadZipFile as error:
        code = "crc" if "CRC" in str(error) else "part-damaged"
        raise BadCheckpoint("torn", remark(code, name=name)) from None
    except EOFError:
        raise BadCheckpoint("torn", remark("cut-off-within", name=name)) from None
    except OSError:
        raise
    except Exception as error:
        raise BadCheckpoint("torn", remark("part-damaged-error", name=name, error=str(error))) from None
