"""The clock on the wall jumps, the training's and Holter's: nobody may notice. The machine's own is not touched."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from holter.history.ranks import main_beat
from holter.records import ActionTaken
from holter.tape import read
from needs import require

TOY = Path(__file__).parents[2] / "hook" / "toy_training.py"


@pytest.fixture
def clock(tmp_path):
    module = pytest.importorskip("benchmarks.faults.tools.preload", reason="run in the checkout: python -m pytest")
    require("cc")
    return module.WallClock(tmp_path)


def test_the_clock_of_this_test_does_jump(clock):
    def ahead_s() -> float:
        program = "import time; print(time.time(), time.monotonic())"
        variables = {**os.environ, **clock.variables}
        told = subprocess.run([sys.executable, "-c", program], env=variables, capture_output=True, text=True)
        wall, monotonic = map(float, told.stdout.split())
        assert abs(monotonic - time.monotonic()) < 10
        return wall - time.time()

    assert abs(ahead_s()) < 10
    clock.set_ahead(3600)
    assert abs(ahead_s() - 3600) < 10


@pytest.mark.slow
@pytest.mark.long
def test_a_clock_that_jumps_an_hour_ahead_and_back_is_no_fault(clock, tmp_path):
    flag, tape = tmp_path / "go-on", tmp_path / "run.holter"
    flag.touch()
    training = [sys.executable, str(TOY), "--go-on-while", str(flag)]
    command = [sys.executable, "-m", "holter", "run", "--heal", "--tape", str(tape), "--", *training]
    variables = {**os.environ, **clock.variables}
    run = subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert run.stdout.readline() == "ready\n"
        for ahead_s in (0, 3600, 0):
            clock.set_ahead(ahead_s)
            time.sleep(2.0)
        flag.unlink()
        out, err = run.communicate(timeout=60)
    finally:
        flag.unlink(missing_ok=True)
        run.kill()
    assert (run.returncode, out) == (0, "done\n"), err
    recording = read(tape)
    assert recording.episodes() == ()
    assert recording.events(ActionTaken) == ()
    ticks = recording.all_ticks
    assert all(0 < after.t_s - before.t_s < 5 for before, after in pairwise(ticks))
    moved = [beat.progressed_s for tick in ticks if (beat := main_beat(tick)) is not None and beat.progressed_s]
    assert moved == sorted(moved) and moved[-1] - moved[0] > 3
    assert all(event.t_s < 60 for event in recording.events())
