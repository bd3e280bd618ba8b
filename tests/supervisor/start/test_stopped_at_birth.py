"""A worker of a DataLoader that is stopped in the moment of its fork, before it can say what it is."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from holter.records import Subject, Tick
from holter.supervisor.recording.recorder import Recorder
from holter.supervisor.run import run
from holter.tape import read

LIMIT_S = 120.0  # the rule that names no worker takes five minutes
PROGRAM = """
import os, signal
from torch.utils.data import DataLoader

forks = []
os.register_at_fork(
    before=lambda: forks.append(1),
    after_in_child=lambda: len(forks) == 2 and os.kill(os.getpid(), signal.SIGSTOP),
)
for batch in DataLoader(range(64), num_workers=2):
    pass
"""


@pytest.mark.training
@pytest.mark.slow
def test_a_worker_that_is_stopped_at_its_birth_is_named_and_goes_on(tmp_path):
    def go_on(recorder: Recorder, tick: Tick) -> None:
        is_named = any(episode.detector == "frozen" for episode in recorder.kept.episodes)
        for process in tick.processes:
            if process.state == "T" and (is_named or tick.t_s > LIMIT_S):
                os.kill(process.pid, signal.SIGCONT)

    result = run(
        (sys.executable, "-c", PROGRAM),
        tmp_path / "t.holter",
        variables={**os.environ, "TMPDIR": str(tmp_path)},
        quiet_output=tmp_path / "output.txt",
        each_tick=go_on,
    )
    assert result.returncode == 0, (tmp_path / "output.txt").read_text()
    recording = read(tmp_path / "t.holter")
    (frozen,) = (episode for episode in recording.episodes() if episode.detector == "frozen")
    assert frozen.subject == Subject(role="train-worker", index=1, pid=frozen.pid)
    assert frozen.alarm_s - frozen.start_s < 60.0
