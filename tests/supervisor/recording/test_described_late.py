"""A training that ends before its machine was described is judged once more when it is."""

from __future__ import annotations

import sys
import time

import pytest

from holter.causes import diagnose_all
from holter.records import Judged
from holter.supervisor.recording import environment_keeper
from holter.supervisor.recording.recorder import Recorder
from holter.supervisor.run import run
from holter.tape import read

DIES = "import os, time; time.sleep(0.3); os.kill(os.getpid(), 9)"


@pytest.mark.slow
def test_a_death_before_the_machine_is_described_is_judged_by_what_the_tape_has(tmp_path, monkeypatch):
    described_s: list[float] = []
    capture = environment_keeper.capture

    def late(*arguments, **more):
        time.sleep(2.0)
        return capture(*arguments, **more)

    def each_tick(recording: Recorder, tick) -> None:
        if recording.about.environment.kernel is not None and not described_s:
            described_s.append(tick.t_s)

    monkeypatch.setattr(environment_keeper, "capture", late)
    tape = tmp_path / "t.holter"
    run((sys.executable, "-c", DIES), tape, each_tick=each_tick, quiet_output=tmp_path / "out")
    recording = read(tape)
    judged = recording.events(Judged)
    assert judged, "the death was seen"
    assert judged[0].t_s < described_s[0] <= judged[-1].t_s
    best = diagnose_all(recording)[0].verdicts[0]
    assert (best.cause, best.verdict) == (judged[-1].cause, judged[-1].verdict)
