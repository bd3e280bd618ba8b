"""A tape after a kill, a cut, a full disk, or of another make."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from holter.errors import FolderNotWritable, NotATape, TapeError, TapeExists, TapeTooNew
from holter.records import Environment, Episode, HostSample, Noted, ProcessSample, StackDump
from holter.tape import TapeWriter, read, schema

WRITE_FOR_EVER = """
import sys, time
from pathlib import Path
from holter.records import HostSample, Noted, ProcessSample
from holter.tape import TapeWriter
writer = TapeWriter(Path(sys.argv[1]))
t = 0
while True:
    writer.write_samples(float(t), [HostSample(t_s=t, cpu_count=t)] + [
        ProcessSample(t_s=t, pid=pid, cpu_s_total=t / pid, name="worker") for pid in range(1, 21)])
    writer.write_events([Noted(t_s=t, what="tick", text="x" * (t % 300))])
    writer.pulse(float(t))
    t += 1
    print(t, flush=True)
"""


def filled(path: Path, seconds: int = 200) -> Path:
    writer = TapeWriter(path)
    writer.write_environment(Environment(wall_start="2026-01-01T00:00:00+00:00", command=("nnUNetv2_train",)))
    for t_s in range(seconds):
        writer.write_samples(float(t_s), [ProcessSample(t_s=t_s, pid=p, cpu_s_total=t_s * p / 7) for p in range(1, 9)])
        writer.write_events([Noted(t_s=t_s, what="n", text=str(t_s))])
    writer.write_episode(0, Episode(kind="stall", start_s=10.0, alarm_s=20.0, detector="stall"))
    writer.write_stacks([StackDump(t_s=20.0, pid=1, rung="py-spy")])
    writer.close(float(seconds))
    return path


def test_a_tape_is_readable_while_it_is_written(tmp_path):
    writer = TapeWriter(tmp_path / "t.holter")
    writer.write_samples(0.0, [HostSample(t_s=0.0, cpu_count=3)])
    writer.write_events([Noted(t_s=0.0, what="seen")])
    live = read(tmp_path / "t.holter")
    assert live.all_ticks[0].host.cpu_count == 3
    assert not live.finished
    writer.close(1.0)
    assert read(tmp_path / "t.holter").finished
    assert [file.name for file in tmp_path.iterdir()] == ["t.holter"]


@pytest.mark.slow
def test_a_writer_killed_at_any_moment_leaves_what_it_had_committed(tmp_path):
    for attempt in range(5):
        path = tmp_path / f"{attempt}.holter"
        child = subprocess.Popen([sys.executable, "-c", WRITE_FOR_EVER, str(path)], stdout=subprocess.PIPE, text=True)
        said = 0
        until = time.monotonic() + 0.5 + attempt * 0.13
        while time.monotonic() < until or said < 3:
            said = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        recording = read(path)
        assert recording.damage is None
        # Events commit at once, and samples with them.
        assert len(recording.events(Noted)) >= said
        assert recording.all_ticks[-1].t_s >= said - 1


@pytest.mark.parametrize("part", [0.999, 0.9, 0.7, 0.5, 0.3, 0.15])
def test_a_cut_file_gives_what_can_be_read_and_says_so(tmp_path, part):
    whole = filled(tmp_path / "whole.holter").read_bytes()
    complete = read(tmp_path / "whole.holter")
    cut = tmp_path / "cut.holter"
    cut.write_bytes(whole[: int(len(whole) * part)])
    recording = read(cut)
    assert recording.damage
    assert {tick.t_s for tick in recording.all_ticks} <= {tick.t_s for tick in complete.all_ticks}


def test_cutting_at_any_byte_raises_nothing_but_our_own_errors(tmp_path):
    whole = filled(tmp_path / "whole.holter", seconds=30).read_bytes()
    cut = tmp_path / "cut.holter"
    for size in [*range(0, 200, 13), *range(200, len(whole), 1777)]:
        cut.write_bytes(whole[:size])
        try:
            read(cut)
        except TapeError:
            continue


def test_flipped_bytes_raise_nothing_but_our_own_errors(tmp_path):
    whole = bytearray(filled(tmp_path / "whole.holter", seconds=30).read_bytes())
    broken = tmp_path / "broken.holter"
    for place in range(150, len(whole), 997):
        data = bytearray(whole)
        data[place : place + 8] = bytes(255 - byte for byte in data[place : place + 8])
        broken.write_bytes(data)
        try:
            read(broken)
        except TapeError:
            continue


def test_other_files_are_named_as_what_they_are_not(tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("not a tape")
    with pytest.raises(NotATape, match="not a Holter tape"):
        read(text)
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE t (x)")
    with pytest.raises(NotATape, match="SQLite file, but not"):
        read(other)
    with pytest.raises(TapeError, match="No such file"):
        read(tmp_path / "missing.holter")
    with pytest.raises(TapeError, match="directory"):
        read(tmp_path)


def test_a_tape_of_a_newer_format_is_refused_with_the_next_step(tmp_path):
    path = filled(tmp_path / "t.holter", seconds=2)
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {schema.SCHEMA_VERSION + 1}")
    with pytest.raises(TapeTooNew, match=f"format {schema.SCHEMA_VERSION + 1}") as caught:
        read(path)
    assert "upgrade" in caught.value.next_step


def test_fields_and_kinds_of_a_later_version_are_passed_over(tmp_path):
    path = filled(tmp_path / "t.holter", seconds=2)
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO reading VALUES (1500, 'host', 1, ?)", [b'{"": {"cpu_count": 4, "quarks": 1}}'])
        connection.execute("INSERT INTO reading VALUES (1500, 'quantum', 1, ?)", [b'{"": {"spin": 1}}'])
    ticks = {tick.t_s: tick for tick in read(path).all_ticks}
    assert ticks[1.5].host.cpu_count == 4


def test_an_existing_tape_is_not_overwritten(tmp_path):
    path = filled(tmp_path / "t.holter", seconds=2)
    before = path.read_bytes()
    with pytest.raises(TapeExists, match="exists already"):
        TapeWriter(path)
    assert path.read_bytes() == before
    TapeWriter(path, force=True).close(0.0)


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(FolderNotWritable, match="Cannot write a tape"):
        TapeWriter(blocked / "t.holter")


@pytest.mark.root
def test_a_full_disk_degrades_the_tape_and_never_raises(tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(small)], check=False).returncode:
        pytest.skip("this container may not mount a tmpfs")
    try:
        writer = TapeWriter(small / "t.holter")
        for t_s in range(400):
            samples = [ProcessSample(t_s=t_s, pid=p, cpu_s_total=t_s * p / 7, name=f"n{t_s}") for p in range(1, 21)]
            writer.write_samples(float(t_s), samples)
            writer.write_events([Noted(t_s=t_s, what="n", text=os.urandom(400).hex())])
            writer.pulse(float(t_s))
        assert writer.problem is not None
        assert "full" in writer.problem
        assert writer.lost_rows > 0
        writer.close(400.0)
        recording = read(small / "t.holter")
        assert len(recording.all_ticks) > 10
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_file_that_is_no_tape_is_never_replaced(tmp_path):
    network, database = tmp_path / "checkpoint_final.pth", tmp_path / "study.db"
    network.write_bytes(b"PK" + bytes(200))
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE mine (a)")
    connection.close()
    for path in (network, database):
        before = path.read_bytes()
        with pytest.raises(TapeExists, match="is no tape"):
            TapeWriter(path, force=True)
        assert path.read_bytes() == before
    (tmp_path / "full.holter").touch()  # there was no space for a tape
    TapeWriter(tmp_path / "full.holter", force=True).close(0.0)
    other_name = filled(tmp_path / "run.db", seconds=2)
    TapeWriter(other_name, force=True).close(0.0)
