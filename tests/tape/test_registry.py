"""The registry: whole files, private, and whatever else lies in its folder is passed over."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import msgspec
import pytest

from holter.tape.registry import RUNS, Entry, new_file, read_all, write

ENTRY = Entry(
    tape="/data/run.holter",
    host="node7",
    place="node7 boot pid:[1]",
    pid=4711,
    began="2026-11-28T10:00:00+08:00",
    seen="2026-11-28T10:00:30+08:00",
    fold="0",
)


def test_an_entry_is_read_as_it_was_written_and_private(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        file = new_file(tmp_path, "node/7 von Müller", 4711)
        write(file, ENTRY)
        write(file, msgspec.structs.replace(ENTRY, ended="2026-11-28T11:00:00+08:00"))
    finally:
        os.umask(before)
    (kept,) = read_all([tmp_path])
    assert kept.entry.ended == "2026-11-28T11:00:00+08:00" and kept.file == file
    assert abs(kept.silent_s) < 10
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_what_is_no_entry_is_passed_over(tmp_path: Path) -> None:
    write(new_file(tmp_path, "a", 1), ENTRY)
    runs = tmp_path / RUNS
    (runs / "half.json").write_bytes(msgspec.json.encode(ENTRY)[:50])
    (runs / "other.json").write_text('{"tape": 1}')
    (runs / "list.json").write_text("[]")
    (runs / "large.json").write_text(" " * 100_000)
    (runs / "notes.txt").write_text("mine")
    (runs / "folder.json").mkdir()
    (runs / "nothing.json").symlink_to("/nonexistent")
    newer = msgspec.json.decode(msgspec.json.encode(ENTRY)) | {"of_a_newer_holter": 1}
    (runs / "newer.json").write_bytes(msgspec.json.encode(newer))
    assert [kept.entry for kept in read_all([tmp_path, tmp_path / "missing"])] == [ENTRY, ENTRY]


def test_a_reader_never_sees_half_an_entry_while_five_folds_write(tmp_path: Path) -> None:
    files = [new_file(tmp_path, "node", pid) for pid in range(5)]
    assert len(set(files)) == 5
    over = threading.Event()

    def rewrite(file: Path) -> None:
        number = 0
        while not over.is_set():
            write(file, msgspec.structs.replace(ENTRY, fold=str(number), command="x" * (number % 3000)))
            number += 1

    for file in files:
        write(file, ENTRY)
    threads = [threading.Thread(target=rewrite, args=(file,)) for file in files]
    for thread in threads:
        thread.start()
    try:
        assert [len(read_all([tmp_path])) for _ in range(50)] == [5] * 50
    finally:
        over.set()
        for thread in threads:
            thread.join()


def test_a_folder_that_cannot_be_written_to_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()  # root may write into any folder, but not into a file
    with pytest.raises(OSError, match="Not a directory"):
        write(new_file(tmp_path / "file", "a", 1), ENTRY)
