"""The exception of a script without nnU-Net, whose output goes to a pipe; and those of the programs that it calls.

And its end by SIGKILL: what the kernel has killed is counted before anybody is accused.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from holter.records import ExceptionSeen, Judged, ProcessEnded
from holter.reports.catalogue import phrase
from holter.reports.quiet import quiet_message
from holter.supervisor.run import run
from holter.tape import read

RAISES = "import time; time.sleep(2)\nraise ValueError('not this shape')"
CALLS = """
import subprocess, sys, time
subprocess.run([sys.executable, "-c", "raise KeyError('helper')"], stderr=subprocess.DEVNULL)
time.sleep(2)
sys.exit(7)
"""


@pytest.mark.slow
def test_the_exception_of_a_plain_script_is_the_cause(tmp_path):
    command = [sys.executable, "-m", "holter", "run", "-o", "t.holter", "--", sys.executable, "-c", RAISES]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1
    assert "Python error. Confirmed" in done.stderr
    assert "ValueError: not this shape" in done.stderr.split("holter:", 1)[1]
    assert "no cause seen" not in done.stderr
    assert done.stderr.count("holter: sees ") == 1, "what could not be seen, although it ended in its first minute"
    assert read(tmp_path / "t.holter").contract().ability("heartbeat").why_not.key == "contract.nothing-imported"


@pytest.mark.slow
def test_the_exception_of_a_program_that_it_calls_is_none_of_the_training(tmp_path):
    result = run((sys.executable, "-c", CALLS), tmp_path / "t.holter")
    assert result.returncode == 7
    assert not read(tmp_path / "t.holter").events(ExceptionSeen)


@pytest.mark.slow
def test_a_short_script_that_ended_well_says_why_nothing_was_seen_of_it(tmp_path):
    """``-E`` keeps the hook out; the recording ends before the contract is settled."""
    result = run((sys.executable, "-E", "-c", "import time; time.sleep(5)"), tmp_path / "t.holter")
    assert result.returncode == 0
    why = quiet_message(read(tmp_path / "t.holter"))
    assert "-E, which ignores PYTHONPATH" in phrase(why, "en")


@pytest.mark.slow
def test_kills_of_the_kernel_are_counted_again_before_an_end_is_judged(tmp_path):
    """A count from before the end shows no kill: memory that ran out was called a signal from outside, for certain."""
    run(("sh", "-c", "sleep 3; kill -9 $$"), tmp_path / "t.holter")
    recording = read(tmp_path / "t.holter")
    (end,) = (event for event in recording.events(ProcessEnded) if event.source == "wait")
    first = min(event.t_s for event in recording.events(Judged))
    counts = [tick.cgroup.t_s for tick in recording.all_ticks if tick.cgroup is not None]
    # Times of readings are whole milliseconds.
    assert any(end.t_s - 0.001 <= counted_s <= first + 0.001 for counted_s in counts), (end.t_s, counts, first)
