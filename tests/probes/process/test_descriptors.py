"""A real process that runs out of descriptors: what it uses of its limit, and what it says."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from holter.causes import diagnose
from holter.evidence import collect
from holter.probes.process.process import ProcessProbe
from holter.records import Environment, Episode, ExceptionSeen, Subject, Tick
from holter.tape import Recording
from holter.texts.training_log import LogParser

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")

HUNGRY = """
import ast, resource, sys, tokenize, traceback  # Python 3.13 imports two of them when it prints
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
held = []
try:
    while True:
        held.append(open("/dev/null"))
except OSError:
    traceback.print_exc()
print("full", flush=True)
input()
"""


def test_a_process_without_descriptors_is_named_by_its_error_and_by_its_limit() -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", HUNGRY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "full\n"
    probe = ProcessProbe(child.pid, time.clock_gettime(time.CLOCK_BOOTTIME), hints={child.pid: ("main", None)})
    looks = [Tick(t_s=float(t_s), processes=probe.read(float(t_s)).samples) for t_s in (0, 5)]  # type: ignore[arg-type]
    probe.close()
    console = child.communicate("\n")[1]
    parser = LogParser(0.0, source="console")
    said = [*parser.feed(console.splitlines(keepends=True), 6.0), *parser.idle(60.0)]
    raised = [event for event in said if isinstance(event, ExceptionSeen)]
    assert [event.error for event in raised] == ["OSError"]
    ticks = (*looks, Tick(t_s=6.0, processes=looks[-1].processes, events=tuple(raised)))
    episode = Episode(
        kind="death", phase="train", start_s=raised[0].t_s, alarm_s=raised[0].t_s, subject=Subject(role="main")
    )
    recording = Recording(all_ticks=ticks, environment=Environment(wall_start=""))
    facts = {fact.name: fact for fact in collect(recording, episode).facts}
    assert facts["exception.kind"].value == "descriptors"
    assert facts["fds.limit"].value == 64
    assert facts["fds.used_ratio"].value == 1.0
    best = diagnose(recording, episode).verdicts[0]
    assert (best.cause, best.verdict) == ("fd-exhaustion", "confirmed")
