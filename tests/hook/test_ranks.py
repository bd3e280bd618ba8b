"""Two real processes in one collective: whose data is late, seen from their heartbeats alone."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from holter.causes import verdicts
from holter.evidence import Evidence, collect
from holter.evidence.facts.training.ranks import STANDS_S
from holter.probes.training.heartbeat import HeartbeatProbe
from holter.records import Episode, Tick
from holter.tape import Recording

pytestmark = pytest.mark.training  # of a toy
RANKS = Path(__file__).with_name("toy_ranks.py")


@pytest.fixture
def ranks(hooked, tmp_path):
    """Two ranks that train until the test is over, and a probe on their pages."""
    go_on, fault = tmp_path / "go-on", tmp_path / "fault"
    go_on.touch()
    # Each leads a session of its own, so that both are ended with the test.
    arguments = ("2", tmp_path / "meeting", go_on, fault)
    processes = [hooked.start(RANKS, str(rank), *arguments) for rank in (0, 1)]
    began = time.monotonic()
    return processes, HeartbeatProbe(hooked.scratch, began), fault, began


def main_beats(probe: HeartbeatProbe, t_s: float = 0.0):
    return {beat.pid: beat for beat in probe.read(t_s).samples if beat.role == "main"}


@pytest.mark.long
def test_the_rank_whose_worker_hangs_is_behind_and_the_other_waits_for_it(ranks, wait_until):
    (first, second), probe, fault, began = ranks
    wait_until(lambda: len(main_beats(probe)) == 2 and all(b.steps_total > 5 for b in main_beats(probe).values()))
    assert ranks_of(probe, began).fact("ddp.behind").status == "not-applicable"
    fault.write_text("hang")
    wait_until(lambda: main_beats(probe)[second.pid].waits_for == "train-batch" and _stand(probe))
    evidence = ranks_of(probe, began)
    assert evidence.fact("ddp.ranks").value == 2
    assert evidence.fact("ddp.behind").value == (f"PID {second.pid} (waits for train-batch)",)
    named = {verdict.cause: verdict.verdict for verdict in verdicts(evidence)}
    assert named["nccl-p2p-broken"] == "excluded"
    assert named["ddp-collective-timeout"] == "confirmed"
    for process in (first, second):
        os.killpg(process.pid, signal.SIGKILL)


def ranks_of(probe: HeartbeatProbe, began: float) -> Evidence:
    """What one look at the pages tells of a standstill at this moment."""
    now_s = time.monotonic() - began
    recording = Recording(all_ticks=(Tick(t_s=now_s, beats=tuple(main_beats(probe, now_s).values())),))
    return collect(recording, Episode(kind="stall", start_s=now_s - 1, alarm_s=now_s, subject="training"))


def _stand(probe: HeartbeatProbe) -> bool:
    before = {pid: beat.steps_total for pid, beat in main_beats(probe).items()}
    time.sleep(STANDS_S + 1)
    return before == {pid: beat.steps_total for pid, beat in main_beats(probe).items()}
