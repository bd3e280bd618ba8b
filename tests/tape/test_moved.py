"""A tape that is copied, moved or renamed while it is written."""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from holter.errors import TapeExists
from holter.records import Environment, HostSample, Noted
from holter.tape import TapeWriter, read
from holter.tape.follower import Follower
from holter.tape.remote_writer import new_writer
from said import english

COMMAND = ("nnUNetv2_train", "4", "3d_fullres", "0")


@pytest.fixture
def writer(tmp_path: Path):
    writer = TapeWriter(tmp_path / "run.holter")
    writer.write_environment(Environment(wall_start="2026-01-01T00:00:00+00:00", command=COMMAND))
    write(writer, 0.0, 1.0)
    yield writer
    writer.close(9.0)


def write(writer: TapeWriter, *times: float) -> None:
    for t_s in times:
        writer.write_samples(t_s, [HostSample(t_s=t_s, cpu_count=3)])
        writer.write_events([Noted(t_s=t_s, what="seen")])


def test_a_copy_without_the_newest_readings_is_a_tape_and_says_what_is_missing(tmp_path, writer) -> None:
    alone = tmp_path / "elsewhere" / "run.holter"
    alone.parent.mkdir()
    shutil.copy(writer.path, alone)
    for _ in range(2):  # who reads it makes an empty file of the missing one's name
        copy = read(alone)
        assert copy.environment.command == COMMAND
        assert not copy.all_ticks
        assert english(copy.damage) == (
            "the newest readings (in run.holter-wal, which was not copied or moved together with the tape) "
            "cannot be read in full"
        )
        assert Follower(alone).news().damage == copy.damage


def test_nothing_is_missing_where_both_files_are_or_the_tape_is_finished(tmp_path, writer) -> None:
    both = tmp_path / "both.holter"
    for end in ("", "-wal"):
        shutil.copy(f"{writer.path}{end}", f"{both}{end}")
    assert read(both).damage is read(writer.path).damage is None
    assert len(read(both).all_ticks) == 2
    writer.close(2.0)
    shutil.copy(writer.path, tmp_path / "finished.holter")
    assert read(tmp_path / "finished.holter").damage is None


@pytest.mark.slow
@pytest.mark.parametrize("whole_folder", [False, True])
def test_a_tape_that_is_moved_is_finished_and_named_where_it_is_now(tmp_path, whole_folder: bool) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    writer = new_writer(old / "run.holter")
    writer.write_environment(Environment(wall_start="2026-01-01T00:00:00+00:00", command=COMMAND))
    write(writer, 0.0, 1.0)
    if whole_folder:
        old.rename(new)
    else:
        new.mkdir()
        (old / "run.holter").rename(new / "run.holter")
    write(writer, 2.0)
    writer.close(3.0)
    assert writer.path == new / "run.holter"
    assert writer.is_there
    moved = read(writer.path)
    assert moved.finished
    assert moved.damage is None
    assert len(moved.all_ticks) == 3
    assert [file.name for file in tmp_path.rglob("run*")] == ["run.holter"], "nothing is left beside it, or behind"


def test_another_tape_of_its_name_is_not_taken_for_it(tmp_path, writer) -> None:
    writer.path.rename(tmp_path / "kept.holter")
    TapeWriter(tmp_path / "run.holter").close(1.0)
    assert not writer.is_there
    writer.close(3.0)
    assert writer.path == tmp_path / "kept.holter"
    assert writer.is_there


def test_nothing_is_left_beside_a_tape_whose_folder_was_renamed_below_its_recorder(tmp_path, monkeypatch) -> None:
    """A relative path leads to it as before; SQLite keeps the absolute one."""
    (tmp_path / "old").mkdir()
    monkeypatch.chdir(tmp_path / "old")
    writer = TapeWriter(Path("run.holter"))
    write(writer, 0.0)
    (tmp_path / "old").rename(tmp_path / "new")
    writer.close(1.0)
    assert (writer.path, writer.is_there) == (Path("run.holter"), True)
    assert read(tmp_path / "new" / "run.holter").finished
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["run.holter"]


WRITES = """
import sys
from pathlib import Path
from holter.tape import TapeWriter
writer = TapeWriter(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.read()
"""


def test_force_does_not_replace_a_tape_that_is_being_written(tmp_path) -> None:
    """It would go on being written, and nobody could read it any more."""
    path = tmp_path / "run.holter"
    command = [sys.executable, "-c", WRITES, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        with pytest.raises(TapeExists, match=f"in use by process {process.pid}"):
            TapeWriter(path, force=True)
        process.kill()
    TapeWriter(path, force=True).close(1.0)
    assert read(path).finished


def test_force_does_not_replace_the_tape_of_another_container(tmp_path) -> None:
    """Its lock is seen, but its PID means nothing here: the kernel tells 0, or for such a lock -1."""
    path = tmp_path / "run.holter"
    TapeWriter(path).close(1.0)
    with path.with_name("run.holter-shm").open("wb") as file:
        fcntl.fcntl(file, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 128, 1, 0))
        with pytest.raises(TapeExists, match=r"run\.holter is in use, perhaps by a recording"):
            TapeWriter(path, force=True)
    assert read(path).finished


def test_a_tape_that_is_deleted_is_not_there(tmp_path, writer) -> None:
    writer.path.unlink()
    write(writer, 2.0)
    writer.close(3.0)
    assert not writer.is_there
    assert not list(tmp_path.iterdir())
