"""The page itself: whole or not believed, and never fatal to either side."""

from __future__ import annotations

import math
import multiprocessing
import os
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holter.hook import page as layout
from holter.probes.training.heartbeat import HeartbeatProbe

COUNTERS = st.integers(0, 2**60)
TIMES = st.floats(0, 1e9) | st.just(math.nan)


def scribble(path: str, until: float) -> None:
    """Write as fast as possible a state whose fields all say the same number."""
    page = layout.Page()
    page.role = page.phase = 0
    page.open(path)
    number = 0
    while time.monotonic() < until:
        number += 1
        page.progress_total = page.steps_total = number
        page.progressed = page.wait_began = page.data_wait_total = float(number)
        page.write_state()
        page.case, page.case_began = f"case_{number}" * 5, float(number)
        page.write_case()


@pytest.mark.slow
def test_a_reader_never_sees_half_a_write(tmp_path):
    ends = time.monotonic() + 100
    writer = multiprocessing.get_context("spawn").Process(target=scribble, args=(str(tmp_path / "page"), ends))
    writer.start()
    path = tmp_path / f"beat-{writer.pid}"
    while not (tmp_path / "page").exists():
        time.sleep(0.01)
    (tmp_path / "page").rename(path)
    probe, numbers, until = HeartbeatProbe(tmp_path, 0.0), set(), time.monotonic() + 2
    while time.monotonic() < until or (len(numbers) <= 100 and writer.is_alive()):  # a busy machine takes longer
        for beat in probe.read(0.0).samples:
            told = {beat.progress_total, beat.steps_total, beat.progressed_s, beat.data_wait_s_total}
            assert told == {beat.progress_total}
            assert beat.case is None or beat.case == f"case_{int(beat.case_began_s)}" * 5
            numbers.add(beat.progress_total)
    writer.kill()
    writer.join()
    assert len(numbers) > 100  # it did read while the other wrote


@pytest.mark.slow
@given(COUNTERS, TIMES, st.text(max_size=300), st.integers(-1, 2**31 - 1), st.sampled_from(layout.PHASES))
def test_what_is_written_is_what_is_read(tmp_path_factory, counter, moment, case, number, phase):
    path = tmp_path_factory.mktemp("page") / "page"
    page = layout.Page()
    page.progress_total, page.progressed, page.case, page.iteration = counter, moment, case, number
    page.phase = layout.PHASES.index(phase)
    page.open(str(path))
    seen = layout.decode(path.read_bytes())
    assert seen is not None
    assert (seen.progress_total, seen.phase) == (counter, phase)
    assert seen.progressed == (None if math.isnan(moment) else moment)
    assert seen.iteration == (None if number == -1 else number)
    whole = case.encode("utf-8", "replace")
    assert whole.startswith((seen.case or "").encode()) and (
        len(whole) > layout.CASE_BYTES - 4 or seen.case == (case or None)
    )


def test_a_program_that_replaces_itself_does_not_keep_its_old_wait(tmp_path):
    path = str(tmp_path / "page")
    before = layout.Page()
    before.open(path)
    for _ in range(50):
        before.begin_wait(1)
        before.end_wait()
    before.begin_wait(1)
    before.write_info({"torch": "2.4"})
    after = layout.Page()  # os.execv: the same PID, the same file
    after.open(path)
    raw = (tmp_path / "page").read_bytes()
    seen = layout.decode(raw)
    assert seen is not None
    assert (seen.waits_for, seen.wait_began, layout.decode_info(raw)) == ("none", None, None)


@given(st.binary(max_size=layout.SIZE + 1) | st.binary(min_size=layout.SIZE, max_size=layout.SIZE))
def test_garbage_is_no_page(raw):
    assert layout.decode(raw) is None
    assert layout.decode_info(raw) is None


def test_info_that_is_too_long_loses_its_longest_entries_first(tmp_path):
    page = layout.Page()
    page.open(str(tmp_path / "page"))
    page.write_info({"short": 1, "long": "x" * 5000, "text": "ä"})
    assert layout.decode_info((tmp_path / "page").read_bytes()) == {"short": 1, "text": "ä"}


@pytest.mark.parametrize("cut_to", [0, 1, 100, 1023, 2048, 4095])
def test_a_page_that_is_cut_short_is_passed_over(tmp_path, cut_to):
    page = layout.Page()
    path = tmp_path / f"beat-{os.getpid()}"
    page.open(str(path))
    probe = HeartbeatProbe(tmp_path, 0.0)
    path.write_bytes(path.read_bytes()[:cut_to])
    assert probe.read(0.0) == ((), ())


def test_of_a_program_that_has_batchgenerators_alone_no_phase_is_known(hooked):
    """nnU-Net v1 never says that its start is over: it would start up for ever."""
    hooked.run("-c", "import batchgenerators")
    assert hooked.lines("phase") == []
    hooked.run("-c", "import batchgenerators, nnunetv2")
    assert [line["phase"] for line in hooked.lines("phase")] == ["startup"]
