"""Snapshots without checksums become what torch would have written."""

from __future__ import annotations

import io
import struct
import zipfile

import pytest

from holter.hook.checkpoints import checksums
from holter.hook.checkpoints.snapshots import patch_on_thread
from needs import imported

torch = imported("torch")
needs_switch = pytest.mark.skipif(not hasattr(torch.serialization, checksums.SWITCH), reason="this torch always sums")
CONTENT = {
    "weights": torch.arange(3_000_000.0),  # more than one chunk
    "small": {"one": torch.ones(1), "none": torch.empty(0)},
    "text": "text",
}


def members(file: io.BytesIO) -> dict[str, tuple[int, ...]]:
    found = {
        member.filename: (member.CRC, member.file_size, member.header_offset)
        for member in zipfile.ZipFile(file).infolist()
    }
    return {name: facts for name, facts in found.items() if not name.endswith("serialization_id")}  # a hash of them


@needs_switch
def test_what_is_filled_in_is_what_torch_writes():
    whole, quick, moved = io.BytesIO(), io.BytesIO(), []
    torch.save(CONTENT, whole)
    checksums.without(torch.save, patch_on_thread, torch.serialization)(CONTENT, quick)
    assert zipfile.ZipFile(quick).testzip() is not None, "it was saved without"
    checksums.fill_in(quick, lambda: moved.append(1))
    once = quick.getvalue()
    assert zipfile.ZipFile(quick).testzip() is None and members(quick) == members(whole)
    begin = zipfile.ZipFile(whole).getinfo("archive/.data/serialization_id").header_offset
    assert once[:begin] == whole.getvalue()[:begin]
    checksums.fill_in(quick, lambda: None)
    assert quick.getvalue() == once and len(moved) > 4
    quick.seek(0)
    assert torch.equal(torch.load(quick)["weights"], CONTENT["weights"])


@needs_switch
def test_afterwards_torch_sums_again():
    checksums.without(torch.save, patch_on_thread, torch.serialization)(CONTENT, io.BytesIO())
    after = io.BytesIO()
    torch.save(CONTENT, after)
    assert zipfile.ZipFile(after).testzip() is None


def test_a_torch_that_cannot_or_writes_otherwise_is_left_as_it_is():
    assert checksums.without(torch.save, patch_on_thread, object()) is None

    def save_otherwise(content, file):
        file.write(struct.pack("<I", 0) * 100)

    assert checksums.without(save_otherwise, patch_on_thread, torch.serialization) is None
