"""Real files that are damaged, vanish, hang and come back while a loader reads them."""

from __future__ import annotations

import os
import resource
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from holter.demo.faults import Context
from holter.demo.faults.slow_disk import SlowDisk
from holter.errors import CaseUnreadable, LoaderFailed, NoReadableCase
from holter.loader import Catalogue, Loader
from holter.loader.quarantine import Quarantine
from holter.loader.read.backend import Backend
from holter.loader.read.backend_choice import THREAD_NAME, try_out
from loader import data
from loader.test_loader import copied, loader_of, nothing_is_left_behind, some_batches
from needs import require_for

pytestmark = pytest.mark.slow
__all__ = ["nothing_is_left_behind"]  # a fixture, used by all tests here too
BAD = "case_002"


def damage_by(how: str, folder: Path) -> None:
    """Do that to one case."""
    file = folder / f"{BAD}.b2nd"
    if how == "cut":
        os.truncate(file, file.stat().st_size // 2)
    elif how == "deleted":
        file.unlink()
    elif how == "no permission to be a file":
        file.unlink()
        file.mkdir()
    elif how == "garbage inside":
        content = bytearray(file.read_bytes())
        content[300:-300] = os.urandom(len(content) - 600)
        file.write_bytes(content)
    elif how == "properties cut":
        os.truncate(folder / f"{BAD}.pkl", 40)
    elif how == "segmentation of another shape":
        shutil.copy(folder / "case_000_seg.b2nd", folder / f"{BAD}_seg.b2nd")
    elif how == "labels that no network has":
        data.save(folder, BAD, (28, 30, 36), count=300)


DAMAGES = [
    "cut",
    "deleted",
    "no permission to be a file",
    "garbage inside",
    "segmentation of another shape",
    "labels that no network has",
]


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_case_is_named_looked_at_twice_and_left_out(cases: Path, how: str) -> None:
    damage_by(how, cases)
    told = data.Told()
    with loader_of(cases, on_trouble=told) as loader:
        keys = [key for _ in range(20) for key in next(loader)["keys"]]
        assert list(loader.quarantine.cases) == [BAD]
    assert BAD not in keys
    assert len(set(keys)) == 5
    assert told.kinds(BAD)[0] == "unreadable"
    assert told.kinds(BAD)[-1] == "quarantined"
    assert BAD in str(told.troubles[0].file)
    assert told.troubles[0].mount


def test_damaged_properties_count_only_where_they_are_needed(cases: Path) -> None:
    damage_by("properties cut", cases)
    told = data.Told()
    with loader_of(cases, on_trouble=told) as loader:
        some_batches(loader, 30)
    assert told.kinds(BAD)[-1] == "quarantined"
    assert str(told.troubles[0].file).endswith(f"{BAD}.pkl")


def test_a_damaged_case_changes_no_other_sample_and_the_stream_is_the_same_for_any_threads(cases: Path) -> None:
    with loader_of(cases) as loader:
        good = [copied(next(loader)) for _ in range(15)]
    damage_by("deleted", cases)
    streams = []
    for threads in (1, 8):
        with loader_of(cases, threads=threads, on_trouble=data.Told()) as loader:
            streams.append(some_batches(loader, 15))
    assert streams[0] == streams[1]
    for before, after in zip(good, streams[0], strict=True):
        assert (before == after) == (BAD not in before[0])


def test_a_case_that_is_replaced_while_it_is_in_use_is_read_anew(cases: Path) -> None:
    told = data.Told()
    with loader_of(cases, on_trouble=told, depth=1) as loader:
        some_batches(loader, 5)
        for number in range(6):
            data.save(cases, f"case_{number:03d}", (50, 50, 50), seed=90 + number)
        some_batches(loader, 15)
        assert loader.quarantine.cases == {}
    assert {trouble.kind for trouble in told.troubles} <= {"unreadable"}
    assert all("changed while in use" in trouble.detail for trouble in told.troubles)


def test_a_case_that_comes_back_before_the_second_look_is_kept(cases: Path) -> None:
    hidden = cases / "hidden"

    class Returning(data.Told):
        def __call__(self, trouble: Any) -> None:
            super().__call__(trouble)
            if hidden.exists():
                hidden.rename(cases / f"{BAD}.b2nd")

    told = Returning()
    with loader_of(cases, on_trouble=told) as loader:
        (cases / f"{BAD}.b2nd").rename(hidden)
        keys = [key for _ in range(20) for key in next(loader)["keys"]]
    assert BAD in keys
    assert "quarantined" not in told.kinds(BAD)


@pytest.mark.parametrize("is_batched", [False, True])
def test_strict_stops_at_the_first_damaged_case(cases: Path, is_batched: bool) -> None:
    damage_by("cut", cases)
    told = data.Told()
    with (
        loader_of(cases, is_strict=True, is_batched=is_batched, on_trouble=told) as loader,
        pytest.raises(CaseUnreadable, match=f"{BAD}.*cut short"),
    ):
        some_batches(loader, 30)


def test_with_most_cases_gone_training_stops(cases: Path) -> None:
    for number in range(4):
        (cases / f"case_{number:03d}.b2nd").unlink()
    with loader_of(cases, on_trouble=data.Told()) as loader, pytest.raises(NoReadableCase, match="4 of 6"):
        some_batches(loader, 30)


def test_too_many_open_files_are_no_fault_of_a_case(cases: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    told = data.Told()
    loader = loader_of(cases, on_trouble=told)
    loader.start()
    held: list[Any] = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, before[1]), before[1]))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            while True:
                held.append(open(os.devnull))  # noqa: SIM115, PTH123 -- they are to stay open
        with loader:
            try:
                some_batches(loader, 20)
            except LoaderFailed as error:
                assert "Too many open files" in str(error)
            loader.close()
        assert loader.quarantine.cases == {}
        assert told.troubles == []
    finally:
        for file in held:
            file.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_npy_files_cut_while_they_are_mapped_do_not_end_the_process(tmp_path: Path) -> None:
    from nnunetv2.training.dataloading.nnunet_dataset import nnUNetDatasetNumpy

    from holter.loader import Options, catalogue_like
    from loader.test_loader import INITIAL, PATCH, sampling_of

    for number in range(4):
        data.save(tmp_path, f"case_{number:03d}", (40, 40, 40), seed=number, dataset=nnUNetDatasetNumpy)
        np.save(tmp_path / f"case_{number:03d}.npy", data.volume((40, 40, 40)))
    dataset = nnUNetDatasetNumpy(str(tmp_path))
    told = data.Told()
    options = Options(on_trouble=told)
    with Loader(
        catalogue_like(dataset), sampling_of(dataset), data.Wandering(INITIAL, PATCH), seed=1, options=options
    ) as loader:
        some_batches(loader, 8)
        os.truncate(tmp_path / f"{BAD}.npy", 4096)
        some_batches(loader, 20)
    assert told.kinds(BAD)[-1] == "quarantined"


# --- a disk that hangs ------------------------------------------------------------------------------------------


@pytest.fixture
def hanging(cases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, Path]]:
    """A folder in which one case lies on a disk that can hang, and the file that says whether it does."""
    fault = SlowDisk()
    require_for(fault)
    # What the kernel has in its cache is dropped when a file is opened: so do that each time.
    monkeypatch.setattr("holter.loader.read.handles.MOST_OPEN", 3)
    source = tmp_path / "elsewhere"
    source.mkdir()
    (cases / f"{BAD}.b2nd").rename(source / f"{BAD}.b2nd")
    context = Context(scratch=tmp_path, preprocessed=source)
    mount = Path(fault.prepare(context)["nnUNet_preprocessed"])
    (cases / f"{BAD}.b2nd").symlink_to(mount / f"{BAD}.b2nd")
    try:
        yield cases, tmp_path / "slow-disk-delay-s"
    finally:
        fault.undo(context)


def test_a_hung_read_is_blamed_on_its_file_and_training_goes_on(hanging: tuple[Path, Path]) -> None:
    folder, control = hanging
    told = data.Told()
    with loader_of(folder, on_trouble=told, read_limit_s=0.4) as loader:
        before = [key for _ in range(10) for key in next(loader)["keys"]]
        control.write_text("inf")
        during = [key for _ in range(40) for key in next(loader)["keys"]]
        is_out = BAD in loader.quarantine.cases
        control.write_text("0")
        wait_until(lambda: "back" in told.kinds(BAD))
        after = [key for _ in range(30) for key in next(loader)["keys"]]
        wait_until(lambda: sum(reader.is_alive() for reader in loader._crew.readers) <= 2)
    assert BAD in before
    assert is_out
    assert len(set(during[-30:]) - {BAD}) == 5
    assert BAD in after
    hung = next(trouble for trouble in told.troubles if trouble.kind == "hung")
    assert (hung.case, hung.fs_type) == (BAD, "fuse.holter")
    assert hung.file is not None
    assert BAD in hung.file
    assert hung.waited_s is not None
    assert hung.waited_s >= 0.4
    assert told.kinds(BAD).count("quarantined") == 1


def test_a_first_case_that_hangs_does_not_hang_the_start(hanging: tuple[Path, Path]) -> None:
    folder, control = hanging
    control.write_text("inf")
    told = data.Told()
    began_s = time.monotonic()
    chosen = try_out(Catalogue(folder, [BAD, "case_000"]), 0.4, Quarantine(2, told))
    alone = try_out(Catalogue(folder, [BAD]), 0.4, Quarantine(1, told))
    took_s = time.monotonic() - began_s
    control.write_text("0")
    wait_until(lambda: all(thread.name != THREAD_NAME for thread in threading.enumerate()))
    assert chosen == Backend("libblosc2", "")
    assert (alone.kind, "do not come back" in alone.note) == ("numpy", True)
    assert 0.8 <= took_s < 20
    assert told.kinds(BAD) == ["hung", "hung"]
    assert BAD in str(told.troubles[0].file)


def test_a_read_that_was_only_late_changes_no_batch(hanging: tuple[Path, Path]) -> None:
    folder, control = hanging
    with loader_of(folder) as loader:
        wanted = some_batches(loader, 12)
    control.write_text("0.05")
    with loader_of(folder, read_limit_s=60.0) as loader:
        assert some_batches(loader, 12) == wanted


def test_closing_leaves_a_hung_thread_to_the_kernel_and_says_so(hanging: tuple[Path, Path]) -> None:
    folder, control = hanging
    told = data.Told()
    loader = loader_of(folder, on_trouble=told, read_limit_s=0.4)
    next(loader)
    control.write_text("inf")
    for _ in range(40):
        next(loader)
    began_s = time.monotonic()
    left = loader.close()
    took_s = time.monotonic() - began_s
    control.write_text("0")
    assert left
    assert all(name.startswith("holter-read-") for name in left)
    assert took_s < 20


def wait_until(happened: Any, within_s: float = 40.0) -> None:
    end_s = time.monotonic() + within_s
    while not happened():
        assert time.monotonic() < end_s, "it did not happen"
        time.sleep(0.02)
