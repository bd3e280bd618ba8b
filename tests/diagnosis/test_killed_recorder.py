"""A tape whose recorder was killed is over at once; one that is being written is not."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from holter.diagnosis.targets import read_tape
from holter.errors import TapeError
from holter.reports.catalogue import phrase
from holter.tape import read


@pytest.fixture
def recorder(tmp_path: Path):
    command = [sys.executable, "-m", "holter", "run", "-q", "-o", str(tmp_path / "t.holter"), "--", "sleep", "100"]
    with subprocess.Popen(command, start_new_session=True) as process:
        yield process
        os.killpg(process.pid, signal.SIGKILL)


def wait_for_ticks(tape: Path, count: int) -> None:
    until_s = time.monotonic() + 60
    while time.monotonic() < until_s:
        try:
            if len(read(tape).all_ticks) >= count and read(tape).environment.hostname:
                return
        except (TapeError, AttributeError):
            pass
        time.sleep(0.5)
    raise AssertionError("no tape was written")


@pytest.mark.slow
def test_the_tape_of_a_killed_recorder_is_over_within_a_moment(tmp_path, recorder):
    tape = tmp_path / "t.holter"
    wait_for_ticks(tape, 3)
    assert read_tape(tape).outcome.state == "running"
    alone = tmp_path / "copy" / "t.holter"
    alone.parent.mkdir()
    shutil.copy(tape, alone)
    assert read_tape(tape).outcome.state == "running", "looking at it gave up no lock of the recorder"
    recorder.kill()
    recorder.wait()
    ran = read_tape(tape).outcome
    assert ran.state == "cut"
    assert phrase(ran.headline, "en").startswith("The recording breaks off at ")
