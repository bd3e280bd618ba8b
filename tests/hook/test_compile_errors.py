"""torch.compile without a compiler, for real: what the hook tells is enough to say what is missing."""

from __future__ import annotations

import time

import pytest

from holter.causes import diagnose
from holter.probes.training.heartbeat import HeartbeatProbe
from holter.records import Episode, ExceptionSeen, Subject, Tick
from holter.tape import Recording
from needs import imported

PROGRAM = """
import batchgenerators, torch
torch.compile(lambda x: torch.sin(x) + 2 * x)(torch.ones(8))
"""


@pytest.mark.slow
def test_a_compiler_that_does_not_work_is_named(hooked, tmp_path):
    imported("torch")
    done = hooked.run("-c", PROGRAM, CXX="/bin/false", TORCHINDUCTOR_CACHE_DIR=str(tmp_path / "cache"))
    assert done.returncode != 0, done.stderr
    events = HeartbeatProbe(hooked.scratch, time.monotonic()).read(0.0).events
    (error,) = [event for event in events if isinstance(event, ExceptionSeen)]
    recording = Recording(all_ticks=(Tick(t_s=error.t_s, events=(error,)),))
    episode = Episode(kind="death", start_s=error.t_s, alarm_s=error.t_s, subject=Subject(role="main"), pid=error.pid)
    diagnosis = diagnose(recording, episode)
    assert (diagnosis.verdicts[0].cause, diagnosis.verdicts[0].verdict) == ("compile-toolchain-broken", "confirmed")
    assert {fact.name: fact.value for fact in diagnosis.facts}["compile.missing"] == "compiler"
