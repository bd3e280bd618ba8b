"""Kernels before 6.15 tell nobody but the parent how a process ended: no false alarm, and no death in silence."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from holter.probes.process import pidfd
from holter.records import ProcessEnded
from holter.supervisor.healing.run_loop import of_wrapper
from holter.supervisor.run import run
from holter.tape import read

POOLS = """
import multiprocessing, time
def work(number):
    time.sleep(0.2)
    return number
for epoch in range(2):
    with multiprocessing.get_context("fork").Pool(2) as pool:
        pool.map(work, range(16))
        pool.close()
        pool.join()
    time.sleep(4.0)
time.sleep(3.0)
"""
KILLED = """
import os, time
time.sleep(3.0)
os.kill(os.getpid(), 9)
"""


@pytest.fixture(autouse=True)
def _older(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pidfd, "_ask", lambda descriptor: None)


@pytest.mark.slow
def test_pools_that_are_closed_in_order_raise_no_alarm(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(POOLS)
    result = run((sys.executable, str(tmp_path / "train.py")), tmp_path / "t.holter")
    gone = [event for event in read(tmp_path / "t.holter").events(ProcessEnded) if event.role == "train-worker"]
    assert gone, "the workers were seen"
    assert (result.returncode, result.episodes) == (0, ())


@pytest.mark.slow
def test_what_a_shell_says_of_the_training_is_told_of_the_training(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(KILLED)
    command = ("bash", "-c", f"{sys.executable} {tmp_path / 'train.py'}; exit $?")
    result = run(command, tmp_path / "t.holter")
    assert result.returncode == 128 + signal.SIGKILL
    (death,) = result.episodes
    assert death.kind == "death" and death.is_about_main
    ends = [event for event in read(tmp_path / "t.holter").events(ProcessEnded) if event.role == "main"]
    assert [end.exit_signal for end in ends if end.source == "wait"] == [signal.SIGKILL]
    assert death.pid == ends[0].pid


LIVES, UNTOLD = None, ProcessEnded(t_s=1.0, pid=7, role="main")


@pytest.mark.parametrize(
    ("main", "code", "early", "told"),
    [
        (LIVES, 0, True, (6, "other", 0, None, False)),  # it left its training behind
        (LIVES, 137, False, (6, "other", 137, None, False)),
        (UNTOLD, 137, False, (7, "main", None, signal.SIGKILL, False)),
        (UNTOLD, 1, False, (7, "main", 1, None, False)),
        (UNTOLD, 0, True, (7, "main", 0, None, True)),
        (ProcessEnded(t_s=1.0, pid=7, role="main", exit_code=0), 0, True, (7, "main", 0, None, True)),
        (ProcessEnded(t_s=1.0, pid=7, role="main", exit_code=0), 1, False, (6, "other", 1, None, False)),
        (ProcessEnded(t_s=1.0, pid=7, role="main", exit_signal=9), 0, True, (6, "other", 0, None, True)),
    ],
)
def test_a_launcher_speaks_for_the_training_where_nobody_else_does(main, code, early, told) -> None:
    end = of_wrapper(6, code, 2.0, main, early=early)
    assert (end.pid, end.role, end.exit_code, end.exit_signal, end.early) == told
