"""The slow file system is an ordinary one until it is told to be slow, and again afterwards."""

from __future__ import annotations

import mmap
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from holter.demo.faults import Context
from holter.demo.faults.slow_disk import SlowDisk
from needs import require_for


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[tuple[Path, Path, Path]]:
    """Source, mount, control file."""
    fault = SlowDisk()
    require_for(fault)
    source = tmp_path / "source"
    source.mkdir()
    (source / "case.b2nd").write_bytes(os.urandom(300_000))
    (source / "case.pkl").write_bytes(b"small")
    context = Context(scratch=tmp_path, preprocessed=source)
    try:
        mount = Path(fault.prepare(context)["nnUNet_preprocessed"])
        yield source, mount, tmp_path / "slow-disk-delay-s"
    finally:
        fault.undo(context)
        assert list(mount.iterdir()) == []


def test_files_are_read_mapped_written_renamed_and_removed_as_on_any_disk(mounted: tuple[Path, Path, Path]) -> None:
    source, mount, _ = mounted
    assert sorted(path.name for path in mount.iterdir()) == ["case.b2nd", "case.pkl"]
    assert (mount / "case.b2nd").read_bytes() == (source / "case.b2nd").read_bytes()
    with (mount / "case.b2nd").open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert mapped[200_000:] == (source / "case.b2nd").read_bytes()[200_000:]
    (mount / "new").mkdir()
    (mount / "new" / "splits.json").write_text("[1, 2]")
    (mount / "new" / "splits.json").write_text("[3]")
    (mount / "new" / "splits.json").rename(mount / "splits_final.json")
    assert (source / "splits_final.json").read_text() == "[3]"
    (mount / "splits_final.json").unlink()
    (mount / "new").rmdir()
    assert sorted(path.name for path in source.iterdir()) == ["case.b2nd", "case.pkl"]
    assert os.statvfs(mount).f_blocks > 0


@pytest.mark.slow
def test_only_image_data_becomes_slow_even_if_it_was_in_memory(mounted: tuple[Path, Path, Path]) -> None:
    _, mount, control = mounted
    assert _seconds_to_read(mount / "case.b2nd") < 1.5  # and now the kernel has its pages
    control.write_text("2")
    assert _seconds_to_read(mount / "case.b2nd") >= 2
    assert _seconds_to_read(mount / "case.pkl") < 1.5


@pytest.mark.slow
def test_a_read_that_hangs_comes_back_as_soon_as_the_disk_is_fast_again(mounted: tuple[Path, Path, Path]) -> None:
    _, mount, control = mounted
    control.write_text("inf")
    reader = threading.Thread(target=(mount / "case.b2nd").read_bytes)
    reader.start()
    reader.join(1.5)
    hung = reader.is_alive()
    control.write_text("0")
    reader.join(30)
    assert hung
    assert not reader.is_alive()


def _seconds_to_read(file: Path) -> float:
    began_s = time.monotonic()
    file.read_bytes()
    return time.monotonic() - began_s
