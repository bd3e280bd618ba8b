"""What the system keeps of a file in memory, as it says itself."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from holter.bench.child import page_cache
from holter.linux.mounts import mount_of, parse_mountinfo

MIB = 1 << 20


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "case.b2nd"
    path.write_bytes(os.urandom(4 * MIB))
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)  # what is not on the disk yet cannot be dropped
    os.close(descriptor)
    return path


def test_a_file_is_in_memory_after_it_was_read_and_not_after_it_was_dropped(file: Path) -> None:
    mount = mount_of(str(file.resolve()), parse_mountinfo(Path("/proc/self/mountinfo").read_text()))
    assert mount is not None
    file.read_bytes()
    assert page_cache.resident_share([file]) == 1.0
    page_cache.drop([file])
    share = page_cache.resident_share([file])
    assert share is not None
    if mount.fs_type in ("tmpfs", "ramfs"):
        assert share == 1.0
    else:
        assert share < 0.1
    page_cache.fetch([file])  # without waiting: only that it does no harm
    assert file.stat().st_size == 4 * MIB


def test_a_file_on_a_disk_in_memory_is_never_dropped() -> None:
    folder = Path("/dev/shm")
    path = folder / f"holter-test-{os.getpid()}"
    try:
        path.write_bytes(bytes(MIB))
        page_cache.drop([path])
        assert page_cache.resident_share([path]) == 1.0
    finally:
        path.unlink()


def test_an_empty_file_and_none_have_no_share_and_a_missing_one_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert page_cache.resident_share([tmp_path / "empty"]) is None
    assert page_cache.resident_share([]) is None
    assert page_cache.resident_share([tmp_path / "none"]) is None
    page_cache.drop([tmp_path / "none"])  # raises nothing
