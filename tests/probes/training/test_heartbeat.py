"""What the probe makes of a scratch folder, whatever state that folder is in."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from holter.hook import page as layout
from holter.probes.training.heartbeat import HeartbeatProbe
from holter.probes.training.heartbeat_events import CHECKPOINT
from holter.records import ExceptionSeen, Noted, PhaseChanged, ProcessEnded

ZERO = 1000.0


@pytest.fixture
def page(tmp_path):
    """A page of this very process, so that it is one of a living process."""
    page = layout.Page()
    page.role, page.generation = layout.ROLES.index("main"), 2
    page.open(str(tmp_path / f"beat-{os.getpid()}"))
    return page


@pytest.fixture
def probe(tmp_path):
    return HeartbeatProbe(tmp_path, ZERO)


def tell(folder, by=7, **line):
    with (folder / f"events-{by}.jsonl").open("a") as file:
        file.write(json.dumps({"at": 1001.5, "wall": 0.0, **line}) + "\n")


def test_times_are_told_on_the_clock_of_the_recording(page, probe):
    page.progressed, page.wait_began, page.waits = 1010.0, 1012.5, layout.WAITS.index("train-batch")
    page.write_state()
    (beat,) = probe.read(20.0).samples
    assert (beat.t_s, beat.progressed_s, beat.wait_began_s, beat.waits_for) == (20.0, 10.0, 12.5, "train-batch")
    assert beat.pulse_s is None and beat.case_began_s is None and beat.epoch is None


def test_a_page_of_a_process_that_is_gone_is_no_beat(probe, tmp_path):
    program = f"from holter.hook import page; import os; page.Page().open({str(tmp_path)!r} + f'/beat-{{os.getpid()}}')"
    subprocess.run([sys.executable, "-c", program], check=True)
    assert len(list(tmp_path.iterdir())) == 1
    opened = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    assert probe.read(0.0).samples == ()
    assert probe.hints() == {}
    # A user may open 1024 files, and some thousand workers may be replaced in a week.
    assert len(os.listdir("/proc/self/fd")) == opened  # noqa: PTH208


def test_a_page_left_by_an_earlier_process_with_the_same_pid_is_no_beat(page, tmp_path):
    raw = bytearray((tmp_path / f"beat-{os.getpid()}").read_bytes())
    raw[layout.HEAD_AT + 32 : layout.HEAD_AT + 40] = (1).to_bytes(8, "little")
    (tmp_path / f"beat-{os.getpid()}").write_bytes(raw)
    probe = HeartbeatProbe(tmp_path, ZERO)
    assert layout.decode(bytes(raw)).started_ticks == 1
    assert probe.read(0.0).samples == ()
    assert probe.fault_signal(os.getpid()) is None


def test_the_stack_signal_is_withheld_from_a_process_that_does_not_catch_it(page, probe):
    page.fault_signal = 12
    page.write_head()
    probe.read(0.0)
    assert probe.fault_signal(os.getpid()) is None  # this process would die of it


@pytest.mark.parametrize(
    ("phase", "role", "before"),
    [("startup", "main", True), ("unpack", "main", True), ("train", "main", False), ("unpack", "other", False)],
)
def test_only_the_main_process_says_that_the_training_has_not_begun(page, probe, phase, role, before):
    assert not probe.before_training()
    page.phase, page.role = layout.PHASES.index(phase), layout.ROLES.index(role)
    page.write_state()
    probe.read(20.0)
    assert probe.before_training() == before


def test_main_info_comes_from_the_newest_generation(page, probe):
    assert probe.main_info() == {}
    page.write_info({"trainer": "nnUNetTrainer"})
    probe.read(0.0)
    assert probe.main_info() == {"trainer": "nnUNetTrainer", "pid": os.getpid(), "generation": 2}


def test_main_info_is_of_the_first_of_several_ranks(page, probe):
    for rank in (1, 0, 1):
        page.write_info({"local_rank": rank, "device": f"cuda:{rank}"})
        probe.read(0.0)
    assert probe.main_info()["device"] == "cuda:0"


def test_foreign_files_are_passed_over(probe, tmp_path):
    os.mkfifo(tmp_path / "beat-1")
    (tmp_path / "events-2.jsonl").symlink_to("/dev/zero")
    (tmp_path / "beat-abc").write_text("x")
    (tmp_path / "beat-3").write_bytes(os.urandom(layout.SIZE))
    (tmp_path / "events-4.jsonl").mkdir()
    (tmp_path / "notes.txt").write_text("mine")
    assert probe.read(0.0) == ((), ())


def test_a_folder_that_is_not_there_is_an_empty_one(tmp_path):
    assert HeartbeatProbe(tmp_path / "none", ZERO).read(0.0) == ((), ())


def test_lines_become_records_in_the_order_in_which_they_happened(probe, tmp_path):
    tell(
        tmp_path,
        by=7,
        pid=8,
        exit_code=-9,
        at=1003.0,
        kind="worker-ended",
        role="train-worker",
        worker_index=3,
    )
    tell(tmp_path, by=7, at=1002.0, kind="phase", phase="train", epoch=4)
    tell(tmp_path, by=9, at=1001.0, kind="exception", error="OSError", message="m", case="c", role="val-worker")
    tell(tmp_path, by=7, at=1004.0, kind="checkpoint", file="a.pth", duration_s=1.234, ok=True)
    assert probe.read(0.0).events == (
        ExceptionSeen(t_s=1.0, pid=9, role="val-worker", error="OSError", message="m", case="c"),
        PhaseChanged(t_s=2.0, phase="train", epoch=4),
        ProcessEnded(t_s=3.0, pid=8, role="train-worker", worker_index=3, exit_signal=9, source="hook"),
        Noted(t_s=4.0, what="checkpoint", message=CHECKPOINT(file="a.pth", duration=1.234)),
    )


def test_a_line_is_told_once_and_only_when_it_is_whole(probe, tmp_path):
    tell(tmp_path, kind="note", what="one")
    with (tmp_path / "events-7.jsonl").open("a") as file:
        file.write('{"at": 1002.0, "kind": "no')
    assert [event.what for event in probe.read(0.0).events] == ["one"]
    with (tmp_path / "events-7.jsonl").open("a") as file:
        file.write('te", "what": "two"}\n')
    assert [event.what for event in probe.read(0.0).events] == ["two"]
    assert probe.read(0.0).events == ()


def test_a_file_that_was_replaced_is_read_from_its_start(probe, tmp_path):
    for number in range(5):
        tell(tmp_path, kind="note", what=f"old-{number}")
    probe.read(0.0)
    (tmp_path / "events-7.jsonl").unlink()
    tell(tmp_path, kind="note", what="new")
    assert [event.what for event in probe.read(0.0).events] == ["new"]


@pytest.mark.parametrize("text", ["", "[]", "null", "{}", '{"at": "now"}', '{"at": NaN}', "\x00\xff", "[" * 200_000])
def test_lines_that_are_not_ours_are_passed_over(probe, tmp_path, text):
    (tmp_path / "events-7.jsonl").write_text(text + "\n", errors="replace")
    tell(tmp_path, kind="note", what="ours")
    assert [event.what for event in probe.read(0.0).events] == ["ours"]


def test_values_of_the_wrong_kind_do_not_break_a_line(probe, tmp_path):
    tell(tmp_path, kind="exception", error=5, message=None, role="emperor", case=[])
    (event,) = probe.read(0.0).events
    assert event == ExceptionSeen(t_s=1.5, pid=7)


def test_a_worker_that_returned_after_an_abort_without_an_exception_was_told_to(probe, tmp_path):
    tell(tmp_path, by=8, kind="exception", error="ValueError", role="train-worker")
    for pid, aborted in ((8, True), (9, True), (10, False)):
        tell(tmp_path, at=1002.0, kind="worker-ended", pid=pid, role="train-worker", exit_code=0, aborted=aborted)
    ended = [event for event in probe.read(0.0).events if isinstance(event, ProcessEnded)]
    assert {event.pid: event.by_parent for event in ended} == {8: False, 9: True, 10: False}


def test_a_worker_that_has_no_page_yet_is_named_by_its_parent_until_it_ends(page, probe, tmp_path):
    tell(tmp_path, kind="workers-started", role="val-worker", pids=[4000001, 4000002, "x"])
    assert probe.read(2.0).events == ()
    assert probe.hints() == {os.getpid(): ("main", None), 4000001: ("val-worker", 0), 4000002: ("val-worker", 1)}
    tell(tmp_path, kind="worker-ended", pid=4000001, role="val-worker", exit_code=0)
    probe.read(3.0)
    assert probe.hints() == {os.getpid(): ("main", None), 4000002: ("val-worker", 1)}
