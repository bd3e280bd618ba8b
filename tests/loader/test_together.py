"""Samples that are read in one native call, against the same samples read one after the other with Python."""

from __future__ import annotations

import collections
import os
import sys
import threading
from pathlib import Path
from typing import Any

import blosc2
import numpy as np
import pytest
import torch

from holter.loader import Catalogue, Loader, Options, Sampling
from holter.loader.plan.planner import Generators
from holter.loader.read.backend import Backend
from holter.loader.read.case_reader import CaseReader
from holter.loader.read.handles import MOST_OPEN
from holter.loader.read.libblosc2 import Library, library
from holter.loader.read.ram import RamCache
from holter.loader.read.reader_threads import Reader
from holter.loader.read_errors import reading_together, touched_by
from holter.loader.records import Region, SamplePlan
from holter.loader.stage.buffers import SampleBuffers
from holter.transforms.kernels import kernels
from holter.transforms.kernels.library import Kernels
from loader import data

pytestmark = pytest.mark.skipif(
    library() is None or kernels() is None, reason="the wheel has no libblosc2 here, or there is no C++ compiler"
)
BACKEND = Backend("libblosc2", "")


def reader_of(folder: Path, *, is_2d: bool = False, ram_bytes: int = 0, **options: Any) -> CaseReader:
    names = sorted({file.name.removesuffix(".pkl") for file in folder.glob("*.pkl")})
    return CaseReader(Catalogue(folder, names, **options), BACKEND, RamCache(ram_bytes), is_2d=is_2d)


def plan_of(case: str, region: Region, channels: int = 2, seg_channels: int = 1) -> SamplePlan:
    return SamplePlan(
        step=0, slot=0, attempt=0, case=case, is_foreground_forced=False, chosen_class=None, initial=region,
        needed=region, channels=channels, seg_channels=seg_channels, draw=None,
    )  # fmt: skip


def some_regions(rng: np.random.Generator, shape: tuple[int, ...], count: int) -> list[Region]:
    """Inside, over every border, wholly outside; some of the size of a chunk."""
    found = []
    for _ in range(count):
        lower = tuple(int(rng.integers(-12, extent + 4)) for extent in shape)
        found.append(Region(lower, tuple(low + int(rng.integers(1, 40)) for low in lower)))
    return [*found, Region((0, 0, 0), shape), Region((-2, 0, 0), (14, 16, 16)), Region((0, 0, 0), (16, 16, 16))]


def compare(reader: CaseReader, plans: list[SamplePlan], seg_dtype: Any) -> None:
    """Both ways into memory that was dirty before."""
    one, many = ([SampleBuffers(seg_dtype, False) for _ in plans] for _ in range(2))
    for buffers in (*one, *many):
        image, seg = buffers.views(3, 3, (48, 48, 48))
        image.fill(np.nan)
        seg.fill(99)
    together = reader.read_together(plans, many)
    assert together is not None
    for plan, buffers, found in zip(plans, one, together, strict=True):
        wanted = reader.read(plan, buffers)
        assert found.image.shape == wanted.image.shape
        assert found.image.tobytes() == wanted.image.tobytes(), plan.needed
        assert found.seg.shape == wanted.seg.shape
        assert found.seg.tobytes() == wanted.seg.tobytes(), plan.needed


@pytest.mark.slow
@pytest.mark.parametrize("ram_bytes", [0, 1 << 30])
@pytest.mark.parametrize("types", ["int8 int8", "int8 int16", "uint8 int8", "int16 int8", "int16 int16"])
def test_every_box_of_every_type_is_equal(tmp_path: Path, types: str, ram_bytes: int) -> None:
    stored, dtype = types.split()
    shape = (30, 41, 37)
    data.save(tmp_path, "case", shape, channels=2)
    seg = np.abs(data.labels(shape, 5)).astype(stored)
    (tmp_path / "case_seg.b2nd").unlink()
    blosc2.asarray(seg, urlpath=str(tmp_path / "case_seg.b2nd"), chunks=(1, 16, 16, 16), blocks=(1, 8, 8, 8))
    reader = reader_of(tmp_path, ram_bytes=ram_bytes)
    plans = [plan_of("case", region) for region in some_regions(np.random.default_rng(3), shape, 25)]
    for _ in range(3):  # with memory for cases: from the file, then from memory
        compare(reader, plans, getattr(torch, dtype))
    reader.close()


def test_a_slice_and_the_previous_stage_are_equal(tmp_path: Path) -> None:
    shape = (20, 33, 28)
    data.save(tmp_path, "case", shape)
    previous = tmp_path / "previous"
    previous.mkdir()
    blosc2.asarray(data.labels(shape, 4, seed=9)[0], urlpath=str(previous / "case.b2nd"), chunks=(10, 16, 16))
    plans = [plan_of("case", region, 1, 2) for region in some_regions(np.random.default_rng(5), shape, 20)]
    compare(reader_of(tmp_path, previous_stage=previous), plans, torch.int8)
    slices = [
        plan_of("case", Region((number, *region.lower[1:]), (number + 1, *region.upper[1:])), 1)
        for number, region in enumerate(some_regions(np.random.default_rng(6), shape, 17))
    ]
    compare(reader_of(tmp_path, is_2d=True), slices, torch.int8)


@pytest.mark.parametrize("is_compared", [True, False])
def test_chunks_of_one_value_and_odd_pieces_are_equal(
    tmp_path: Path, is_compared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # c-blosc2 stores chunks of one value without blocks; the last pieces of chunk and array are cut.
    if not is_compared:  # a version whose contexts are not known: its slices are read
        monkeypatch.setattr(library(), "version", "3.4.0")
    shape = (41, 30, 37)
    data.save(tmp_path, "case", shape)
    seg = data.labels(shape, 4)
    seg[:, :20], seg[:, 20:, :, 24:] = 0, 3
    (tmp_path / "case_seg.b2nd").unlink()
    blosc2.asarray(seg, urlpath=str(tmp_path / "case_seg.b2nd"), chunks=(1, 20, 13, 24), blocks=(1, 9, 6, 7))
    reader = reader_of(tmp_path)
    plans = [plan_of("case", region, 1) for region in some_regions(np.random.default_rng(8), shape, 40)]
    compare(reader, plans, torch.int8)
    contexts = [source._handle.context for _, source in reader._handles._open.values()]
    assert [context is not None for context in contexts] == [is_compared] * 2
    reader.close()


def test_labels_that_do_not_fit_and_a_changed_file_are_left_to_python(tmp_path: Path) -> None:
    data.save(tmp_path, "case", (30, 30, 30), count=300)
    reader = reader_of(tmp_path)
    plan = plan_of("case", Region((0, 0, 0), (30, 30, 30)), 1)
    assert reader.read_together([plan], [SampleBuffers(torch.int8, False)]) is None
    assert reader.read_together([plan], [SampleBuffers(torch.int16, False)]) is not None
    os.utime(tmp_path / "case_seg.b2nd", ns=(1, 1))
    assert reader.read_together([plan], [SampleBuffers(torch.int16, False)]) is None


def test_more_cases_than_may_be_open_are_read_in_one_call(tmp_path: Path) -> None:
    for number in range(MOST_OPEN // 2 + 5):
        data.save(tmp_path, f"case_{number:03d}", (8, 9, 10), seed=number)
    reader = reader_of(tmp_path)
    region = Region((0, 0, 0), (8, 9, 10))
    plans = [plan_of(f"case_{number:03d}", region, 1) for number in range(MOST_OPEN // 2 + 5)]
    compare(reader, plans, torch.int8)
    open_ = [str(link.resolve()) for link in Path("/proc/self/fd").iterdir()]
    assert sum(str(tmp_path) in name for name in open_) <= MOST_OPEN
    reader.close()


def test_a_hung_read_among_many_is_known_by_its_file(tmp_path: Path) -> None:
    files = [(f"case_{number}", tmp_path / str(number)) for number in range(3)]
    with reading_together(files) as underway:
        underway.numbers[:] = 5_000_000_000, 2
        touch = touched_by(threading.current_thread())
    assert touch is not None
    assert (touch.case, touch.file, touch.since_s) == ("case_2", tmp_path / "2", 5.0)
    assert touched_by(threading.current_thread()) is None


def generator(seed: int, stream: int, step: int, slot: int, attempt: int = 0) -> np.random.Generator:
    word = 2**64 - 1
    key = np.array([seed & word, stream & word], dtype=np.uint64)
    counter = np.array([0, attempt, slot, step], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))


def test_generators_that_are_used_again_draw_the_same_numbers() -> None:
    used = Generators()
    for place in [(1, 0, 0, 0, 0), (2**64 + 3, 5, 17, 3, 2), (1, 0, 0, 0, 0), (-4, 1, 9, 78, 0)]:
        rng, other = used.at(*place), generator(*place)
        for _ in range(5):
            assert rng.integers(7) == other.integers(7)  # leaves half a word behind
            assert rng.random() == other.random()
            assert rng.permutation(5).tolist() == other.permutation(5).tolist()
    theirs: list[np.random.Generator] = []
    thread = threading.Thread(target=lambda: theirs.append(used.at(1, 0, 0, 0)))
    thread.start()
    thread.join()
    assert theirs[0] is not used.at(1, 0, 0, 0)


def test_a_job_of_slices_is_read_in_one_call_and_nothing_else_gives_the_lock_away(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: collections.Counter[str] = collections.Counter()

    def counted(name: str, original: Any) -> Any:
        def call(*args: Any) -> Any:
            calls[name] += 1
            return original(*args)

        return call

    monkeypatch.setattr(Kernels, "read", counted("together", Kernels.read))
    monkeypatch.setattr(Library, "read", counted("one", Library.read))
    names = [f"case_{number:03d}" for number in range(6)]
    sampling = Sampling(batch_size=32, patch_size=(16, 16), initial_patch_size=(24, 20))
    chain = data.Wandering((24, 20), (16, 16))
    loader = Loader(Catalogue(written, names), sampling, chain, seed=4, options=Options(threads=2, is_batched=True))
    reader = Reader(loader._crew, 0)
    for _ in range(6):
        reader._do(loader._crew.dispatch.take())  # opens the files
    calls.clear()

    def count(_: Any, event: str, what: Any) -> None:
        if event == "c_call" and what.__name__ in ("stat", "urandom", "from_numpy", "open"):
            calls[what.__name__] += 1

    sys.setprofile(count)
    try:
        reader._do(loader._crew.dispatch.take())
    finally:
        sys.setprofile(None)
    assert calls == {"together": 1}
    loader.close()
