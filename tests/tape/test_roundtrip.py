"""What is written is what is read: the law of the tape."""

from __future__ import annotations

import contextlib
import math
import os
import subprocess
import tempfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holter.records import SAMPLE_TYPES, Beat, Episode, HostSample, Noted, ProcessSample, StorageSample, Subject
from holter.tape import TapeWriter, coding, read
from holter.tape.compaction import RawWindow

finite = st.floats(min_value=-1e6, max_value=1e6, allow_nan=False)
maybe_int = st.none() | st.integers(0, 2**40)

processes = st.builds(
    ProcessSample,
    t_s=st.just(0.0),
    pid=st.integers(1, 4),
    state=st.sampled_from([None, "R", "S", "D", "T"]),
    cpu_ratio=st.none() | finite,
    rss_bytes=maybe_int,
    syscall_file=st.none() | st.text(max_size=20),
)
ticks = st.lists(st.lists(processes, max_size=4, unique_by=lambda p: p.pid), min_size=1, max_size=12)


def as_kept(sample: object) -> object:
    """A sample as the tape keeps it: rounded."""
    return coding.to_sample(coding.KIND_OF_TYPE[type(sample)], coding.to_fields(sample), sample.t_s)


@pytest.mark.slow
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ticks)
def test_samples_come_back_in_order_and_complete(rows):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.holter"
        writer = TapeWriter(path)
        written = []
        for t_s, row in enumerate(rows):
            samples = [msgspec.structs.replace(sample, t_s=float(t_s)) for sample in row]
            written.append(samples)
            writer.write_samples(float(t_s), samples)
        writer.close(float(len(rows)))
        back = {tick.t_s: tick.processes for tick in read(path).all_ticks}
    for t_s, samples in enumerate(written):
        if samples:
            assert back[float(t_s)] == tuple(as_kept(sample) for sample in samples)


def test_every_kind_of_sample_has_a_name_of_its_own():
    assert len(coding.TYPE_OF_KIND) == len(SAMPLE_TYPES)


def test_unchanged_and_not_looked_at_are_two_things(tmp_path):
    writer = TapeWriter(tmp_path / "t.holter")
    host = HostSample(t_s=0.0, cpu_count=2)
    for t_s in (0.0, 1.0, 3.0):
        writer.write_samples(t_s, [msgspec.structs.replace(host, t_s=t_s)])
    writer.write_samples(2.0, [Beat(t_s=2.0, pid=1)])
    writer.close(4.0)
    seen = {tick.t_s: tick.host is not None for tick in read(tmp_path / "t.holter").all_ticks}
    assert seen == {0.0: True, 1.0: True, 2.0: False, 3.0: True}


def test_an_event_told_late_keeps_its_own_time(tmp_path):
    writer = TapeWriter(tmp_path / "t.holter")
    writer.write_samples(5.0, [HostSample(t_s=5.0)])
    writer.write_events([Noted(t_s=-7.0, what="from-the-log"), Noted(t_s=5.0, what="now")])
    writer.close(6.0)
    assert [event.what for event in read(tmp_path / "t.holter").events(Noted)] == ["from-the-log", "now"]


def test_old_readings_become_minute_means_and_the_rest_stays_exact(tmp_path):
    writer = TapeWriter(tmp_path / "t.holter", window=RawWindow(keep_s=120.0))
    for second in range(600):
        beat = Beat(t_s=second, pid=7, steps_total=second * 2, compute_s=0.25 if second % 2 else 0.75)
        process = ProcessSample(t_s=second, pid=7, cpu_ratio=0.5, state="S")
        writer.write_samples(float(second), [beat, process])
        writer.pulse(float(second))
    writer.close(600.0)
    recording = read(tmp_path / "t.holter")
    means = [tick for tick in recording.all_ticks if tick.span_s > 0]
    raw = [tick for tick in recording.all_ticks if tick.span_s == 0]
    assert len(means) >= 6
    assert all(math.isclose(tick.beats[0].compute_s, 0.5) for tick in means)
    assert [tick.beats[0].steps_total for tick in means] == [int(tick.t_s + 59) * 2 for tick in means]
    assert [tick.beats[0].steps_total for tick in raw] == [round(tick.t_s) * 2 for tick in raw]
    assert raw[-1].t_s == 599.0
    assert raw[-1].processes[0].state == "S"


def test_thinning_around_an_episode_loses_no_field(tmp_path):
    """Spans before and after a kept one are rolled up although their rows hold only changes."""
    writer = TapeWriter(tmp_path / "t.holter", window=RawWindow(keep_s=60.0, around_episode_s=20.0))
    for t_s in range(0, 900, 7):
        process = ProcessSample(t_s=t_s, pid=7, name="worker", state="S", cpu_s_total=float(t_s))
        writer.write_samples(float(t_s), [process, StorageSample(t_s=t_s, label="tmp", path="/tmp", fs_type="ext4")])
        if t_s == 294:
            writer.write_episode(0, Episode(kind="stall", start_s=280.0, alarm_s=294.0, detector="stall"))
        writer.pulse(float(t_s))
    writer.close(900.0)
    recording = read(tmp_path / "t.holter")
    assert recording.damage is None
    assert all(process.name == "worker" for tick in recording.all_ticks for process in tick.processes)
    assert all(sample.fs_type == "ext4" for tick in recording.all_ticks for sample in tick.storage)
    assert {tick.t_s for tick in recording.all_ticks if tick.span_s == 0} >= {280.0, 287.0, 294.0, 301.0, 308.0}
    assert len([tick for tick in recording.all_ticks if tick.span_s > 0]) >= 10


def test_an_episode_of_an_older_tape_has_a_process_for_the_name_of_one(tmp_path):
    worker = Subject(role="train-worker", index=2, pid=7)
    subjects = (worker, worker.name, "main (PID 7)", "training", "epoch time")
    writer = TapeWriter(tmp_path / "t.holter")
    for number, subject in enumerate(subjects):
        writer.write_episode(number, Episode(kind="stall", start_s=1.0, alarm_s=2.0, subject=subject))
    writer.close(3.0)
    episodes = read(tmp_path / "t.holter").episodes()
    found = [episode.subject for episode in episodes]
    assert found == [worker, worker, Subject(role="main", pid=7), "training", "epoch time"]
    assert [episode.subject_name for episode in episodes] == [worker.name, *subjects[1:]]
    assert [episode.is_about_main for episode in episodes] == [False, False, True, False, False]


@pytest.mark.root
def test_after_a_full_disk_the_next_rows_are_whole_again(tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(small)], check=False).returncode:
        pytest.skip("this container may not mount a tmpfs")
    now = [0.0]
    try:
        writer = TapeWriter(small / "t.holter", clock=lambda: now[0])
        filler = small / "filler"
        for t_s in range(200):
            now[0] = float(t_s)
            if t_s == 50:
                descriptor = os.open(filler, os.O_WRONLY | os.O_CREAT)
                with contextlib.suppress(OSError):
                    while True:
                        os.write(descriptor, b"x" * 65536)
                os.close(descriptor)
            if t_s == 100:
                filler.unlink()
            writer.write_samples(float(t_s), [ProcessSample(t_s=t_s, pid=7, cpu_s_total=float(t_s), name="n" * 200)])
            writer.write_events([Noted(t_s=t_s, what="x", text=os.urandom(200).hex())])
            writer.pulse(float(t_s))
        assert writer.problem is None
        assert writer.lost_rows > 0
        writer.close(200.0)
        recording = read(small / "t.holter")
    finally:
        writer.close(200.0)
        subprocess.run(["umount", str(small)], check=True)
    wrong = [t for t in recording.all_ticks for p in t.processes if p.cpu_s_total != t.t_s or p.name != "n" * 200]
    assert wrong == []
    assert recording.all_ticks[-1].t_s == 199.0
