"""Boxes of cases: the C library against python-blosc2, ours against nnU-Net's cropping, and headers against both."""

from __future__ import annotations

import os
import re
import threading
import time
from pathlib import Path
from typing import Any

import blosc2
import numpy as np
import pytest
from acvl_utils.cropping_and_padding.bounding_boxes import crop_and_pad_nd
from nnunetv2.training.dataloading.nnunet_dataset import nnUNetDatasetBlosc2, nnUNetDatasetNumpy

from holter.linux.mounts import Mount
from holter.loader import Backend
from holter.loader.plan.files import observe
from holter.loader.read.backend import choose
from holter.loader.read.crop import read_box
from holter.loader.read.libblosc2 import Library, _Mapping, library
from holter.loader.read.scratch import Scratch
from holter.loader.read_errors import FileUnreadable
from holter.loader.records import Region
from loader import data

pytestmark = pytest.mark.skipif(library() is None, reason="the blosc2 wheel has no libblosc2 here")
NFS = Mount(device="0:52", root="/", mount_point="/data", fs_type="nfs4", source="server:/data", super_options=())
DTYPES = ["int8", "int16", "uint16", "float16", "float32", "float64"]


def random_region(rng: np.random.Generator, shape: tuple[int, ...], reach: int) -> Region:
    lower = tuple(int(rng.integers(-reach, extent)) for extent in shape)
    return Region(
        lower, tuple(low + int(rng.integers(1, extent + reach)) for low, extent in zip(lower, shape, strict=True))
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_header_says_what_python_blosc2_says(tmp_path: Path, dtype: str) -> None:
    data.save(tmp_path, "case", (30, 41, 17), channels=3, dtype=dtype)
    ours, theirs = observe(tmp_path / "case.b2nd"), blosc2.open(str(tmp_path / "case.b2nd"), mode="r")
    assert (ours.shape, ours.chunks, ours.dtype) == (theirs.shape, theirs.chunks, theirs.dtype)


@pytest.mark.parametrize("kind", ["libblosc2", "libblosc2-mapped", "python-blosc2"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_box_is_bit_for_bit_what_python_blosc2_reads(tmp_path: Path, kind: Any, dtype: str) -> None:
    data.save(tmp_path, "case", (30, 41, 37), channels=2, dtype=dtype)
    file = observe(tmp_path / "case.b2nd")
    theirs = blosc2.open(str(file.path), mode="r")
    source = Backend(kind, "").open(file, Scratch())
    rng = np.random.default_rng(1)
    for _ in range(40):
        start = tuple(int(rng.integers(0, extent)) for extent in file.shape)
        stop = tuple(int(rng.integers(low + 1, extent + 1)) for low, extent in zip(start, file.shape, strict=True))
        around = np.zeros([high - low + 5 for low, high in zip(start, stop, strict=True)], file.dtype)
        part = around[tuple(slice(2, 2 + high - low) for low, high in zip(start, stop, strict=True))]
        source.read(start, stop, part)
        assert part.tobytes() == theirs[tuple(map(slice, start, stop))].tobytes()
    source.close()


def test_one_whole_chunk_into_a_larger_buffer_stays_in_its_place(tmp_path: Path) -> None:
    """There the library takes a short cut that knows nothing of the buffer's shape."""
    array = data.volume((32, 32, 32))[0]
    for chunks in ((16, 32, 32), (8, 8, 8), (32, 32, 32)):
        file = tmp_path / f"{chunks[0]}.b2nd"
        blosc2.asarray(array, urlpath=str(file), chunks=chunks, blocks=(8, 8, 8) if chunks[0] == 8 else (8, 32, 32))
        source = Backend("libblosc2", "").open(observe(file), Scratch())
        around = np.zeros((40, 40, 40), np.float32)
        part = tuple(slice(0, size) for size in chunks)
        source.read((0, 0, 0), chunks, around[part])
        assert np.array_equal(around[part], array[part])
        assert np.count_nonzero(around) == np.count_nonzero(array[part])
        source.close()


@pytest.mark.parametrize("dtype", ["int8", "int16", "float16", "float32"])
def test_a_box_over_any_border_is_what_nnunet_crops(tmp_path: Path, dtype: str) -> None:
    data.save(tmp_path, "case", (20, 31, 26), channels=2, dtype=dtype)
    images, segs, _, _ = nnUNetDatasetBlosc2(str(tmp_path)).load_case("case")
    scratch, rng, checked = Scratch(), np.random.default_rng(2), 0
    opened = [Backend("libblosc2", "").open(observe(tmp_path / f"case{part}.b2nd"), scratch) for part in ("", "_seg")]
    for _ in range(60):
        region = random_region(rng, (20, 31, 26), 12)
        if any(high <= 0 for high in region.upper):
            continue  # nnU-Net gives a segmentation of zeros there, and nothing that trains draws such a box
        box = [list(pair) for pair in zip(region.lower, region.upper, strict=True)]
        image, seg = np.empty((2, *region.size), np.float32), np.empty((1, *region.size), np.int8)
        read_box(opened[0], region, image, 0, scratch)
        read_box(opened[1], region, seg, -1, scratch)
        assert np.array_equal(image, crop_and_pad_nd(images, box, 0).astype(np.float32))
        assert np.array_equal(seg, crop_and_pad_nd(segs, box, -1))
        checked += 1
    for source in opened:
        source.close()
    assert checked > 20


def test_a_box_wholly_outside_is_filled(tmp_path: Path) -> None:
    data.save(tmp_path, "case", (8, 8, 8))
    source = Backend("libblosc2", "").open(observe(tmp_path / "case_seg.b2nd"), Scratch())
    seg = np.empty((1, 3, 3, 3), np.int8)
    read_box(source, Region((20, -9, 0), (23, -6, 3)), seg, -1, Scratch())
    source.close()
    assert (seg == -1).all()


@pytest.mark.parametrize("is_unpacked", [False, True])
def test_npz_and_npy_are_read_alike(tmp_path: Path, is_unpacked: bool) -> None:
    data.save(tmp_path, "case", (20, 31, 26), dtype="int16", dataset=nnUNetDatasetNumpy)
    whole = np.load(tmp_path / "case.npz")["data"]
    if is_unpacked:
        np.save(tmp_path / "case.npy", whole)
    file = observe(tmp_path / "case.npy") if is_unpacked else observe(tmp_path / "case.npz", "data")
    assert (file.shape, file.dtype) == (whole.shape, whole.dtype)
    image = np.empty((1, 9, 9, 9), np.float32)
    source = choose(file, library()).open(file, Scratch())
    read_box(source, Region((-2, 5, 20), (7, 14, 29)), image, 0, Scratch())
    assert np.array_equal(image, crop_and_pad_nd(whole, [[-2, 7], [5, 14], [20, 29]], 0).astype(np.float32))


# --- the choice of a way to read --------------------------------------------------------------------------------


class WrongLibrary(Library):
    """One that gives zeros."""

    def __init__(self) -> None:
        pass

    def open(self, file: Path) -> Any:
        return None

    def read(self, handle: Any, start: Any, stop: Any, address: int, strides: Any, size_bytes: int) -> None:
        import ctypes

        ctypes.memset(address, 0, size_bytes)

    def close(self, handle: Any) -> None:
        pass


def test_the_c_library_is_taken_where_it_gives_the_right_voxels(written: Path) -> None:
    assert choose(observe(written / "case_000.b2nd"), library()) == Backend("libblosc2", "")


def test_without_the_c_library_or_with_a_wrong_one_python_reads_and_the_price_is_told(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = observe(written / "case_000.b2nd")
    missing = choose(file, None)
    monkeypatch.setattr("holter.loader.read.backend.library", WrongLibrary)
    wrong = choose(file, WrongLibrary())
    assert missing.kind == wrong.kind == "python-blosc2"
    assert "training loop waits" in missing.note
    assert "differ from python-blosc2's" in wrong.note


def test_the_memory_map_of_a_version_that_was_not_compared_is_not_touched(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = library()
    assert found is not None
    monkeypatch.setattr(found, "version", "3.4.0")
    monkeypatch.setattr("holter.loader.read.backend.mount_of_file", lambda _: NFS)
    monkeypatch.setattr("holter.loader.read.backend._open_files", set)
    chosen = choose(observe(written / "case_000.b2nd"), found)
    assert chosen.kind == "libblosc2"
    assert "c-blosc2 3.4.0: memory maps were compared with 3.3.5" in chosen.note


def test_the_memory_map_has_the_members_of_the_installed_header() -> None:
    header = Path(blosc2.__file__).parent / "include" / "blosc2" / "blosc2-stdio.h"
    text = re.sub(r"#if defined\(_WIN32\).*?#endif|//[^\n]*", "", header.read_text(), flags=re.DOTALL)
    struct = text[: text.index("} blosc2_stdio_mmap;")].rsplit("typedef struct {", 1)[1]
    assert re.findall(r"(\w+);", struct) == [name for name, _ in _Mapping._fields_]


# --- files that are not what they were --------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["b2nd", "npy", "npz"])
@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "other"])
def test_a_damaged_file_is_named(tmp_path: Path, suffix: str, damage: str) -> None:
    data.save(tmp_path, "case", (20, 31, 26), dataset=nnUNetDatasetNumpy)
    data.save(tmp_path, "case", (20, 31, 26))
    np.save(tmp_path / "case.npy", data.volume((20, 31, 26)))
    file = tmp_path / f"case.{suffix}"
    content = file.read_bytes()
    file.unlink()
    if damage != "missing":
        file.write_bytes({"empty": b"", "cut": content[: len(content) // 2], "other": b"\x93text" * 999}[damage])
    with pytest.raises(FileUnreadable, match=rf"case\.{suffix}"):
        observe(file, "data")


@pytest.mark.parametrize("kind", ["libblosc2", "libblosc2-mapped"])
def test_a_file_cut_while_it_is_open_is_an_error_and_not_the_end_of_the_process(tmp_path: Path, kind: Any) -> None:
    data.save(tmp_path, "case", (30, 41, 37))
    file = observe(tmp_path / "case.b2nd")
    source = Backend(kind, "").open(file, Scratch())
    out = np.empty(file.shape, np.float32)
    source.read((0, 0, 0, 0), file.shape, out)
    os.truncate(file.path, 5000)
    with pytest.raises(FileUnreadable, match="5000 now"):
        source.read((0, 0, 0, 0), file.shape, out)
    source.close()


@pytest.mark.parametrize("way", ["open", "open_mapped"])
def test_a_file_that_is_no_array_is_closed_however_often_it_is_tried(tmp_path: Path, way: str) -> None:
    """A damaged case is tried again for the whole training."""
    file = tmp_path / "case.b2nd"
    data.save(tmp_path, "case", (20, 31, 26))
    file.write_bytes(file.read_bytes().replace(b"b2nd", b"b2nx", 1))  # the chunks are whole, the array's header is not
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        with pytest.raises(OSError, match="libblosc2 cannot open it"):
            getattr(library(), way)(file)
    assert len(list(Path("/proc/self/fd").iterdir())) <= before
    assert str(file) not in Path("/proc/self/maps").read_text()


def test_the_interpreter_goes_on_while_the_c_library_waits_for_a_file(tmp_path: Path) -> None:
    """A pipe that nobody writes to: opening it hangs, as a file on a dead server does."""
    found, pipe, errors = library(), tmp_path / "case.b2nd", []
    assert found is not None
    os.mkfifo(pipe)

    def read() -> None:
        try:
            found.open(pipe)
        except OSError as error:
            errors.append(error)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    time.sleep(0.3)
    is_waiting = thread.is_alive()
    while thread.is_alive():  # each open of our end lets one of the library's return
        try:
            os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
        except OSError:
            time.sleep(0.01)
    assert is_waiting
    assert len(errors) == 1


def test_a_closed_file_is_an_error_and_not_the_end_of_the_process(tmp_path: Path) -> None:
    data.save(tmp_path, "case", (9, 9, 9))
    source = Backend("libblosc2", "").open(observe(tmp_path / "case.b2nd"), Scratch())
    source.close()
    with pytest.raises(OSError, match="cannot decompress"):
        source.read((0, 0, 0, 0), (1, 9, 9, 9), np.empty((1, 9, 9, 9), np.float32))


@pytest.mark.parametrize(("is_kept_open", "kind"), [(True, "libblosc2"), (False, "libblosc2-mapped")])
def test_over_a_network_a_map_is_used_only_where_the_library_opens_the_file_for_each_block(
    written: Path, monkeypatch: pytest.MonkeyPatch, is_kept_open: bool, kind: str
) -> None:
    monkeypatch.setattr("holter.loader.read.backend.mount_of_file", lambda _: NFS)
    if not is_kept_open:
        monkeypatch.setattr("holter.loader.read.backend._open_files", set)
    assert choose(observe(written / "case_000.b2nd"), library()) == Backend(kind, "")  # type: ignore[arg-type]
